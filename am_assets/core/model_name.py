"""What a model is called in artifacts and in a release, whichever engine runs it and wherever."""

from pathlib import Path

from am_assets.core.settings.models import Model


def model_name(model: Model) -> str:
    """The hub id, packaged name or folder's own name of a model's weights, never where they lie.

    An endpoint's model is called by the weights it is said to serve, where the profile names them:
    how a model is run makes it no other.
    """
    path = str(model.options.get("weights") or model.path)
    local = Path(path).expanduser()
    # A name with a slash may be a hub id; what begins like a path is one, be it there or not.
    if local.is_dir() or path.startswith(("/", ".", "~")):
        return local.absolute().name
    return path

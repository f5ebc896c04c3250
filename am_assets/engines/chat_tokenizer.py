"""A model folder's tokenizer and chat template: what every engine of that model agrees on."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from am_assets.core.chat_templates import TEMPLATE_DATE, pinned, uses_clock
from am_assets.core.requests import Message


class ChatTokenizer:
    """Renders, tokenizes and decodes as vLLM does for the model in `folder`.

    A template that prints today's date prints `template_date`.
    """

    def __init__(self, folder: Path, template_date: date = TEMPLATE_DATE) -> None:
        # Importing this takes seconds.
        from transformers import AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
        self.pinned_template = _pinned(self._tokenizer, template_date)
        """The chat template with its date fixed; None for one that has no clock."""

    def render(self, messages: Sequence[Message], *, to_continue: bool = True) -> str:
        """The chat template applied to `messages`.

        Up to where the assistant begins, unless nothing is `to_continue`.
        """
        template = {"chat_template": self.pinned_template} if self.pinned_template else {}
        return self._tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tokenize=False,
            add_generation_prompt=to_continue,
            **template,
        )

    def token_ids(self, text: str) -> list[int]:
        """Tokens of `text`, without special ones of its own."""
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The rendered prompt's tokens."""
        return self.token_ids(self.render(messages))

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, without special ones."""
        return len(self.token_ids(text))

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str:
        """The text of a completion of `messages` that consists of `token_ids`.

        Decoded token by token after the prompt, as vLLM does: a character whose bytes are not
        complete at the end is left out.
        """
        from tokenizers.decoders import DecodeStream

        stream = DecodeStream(ids=self.prompt_ids(messages), skip_special_tokens=True)
        backend = self._tokenizer.backend_tokenizer
        return "".join(stream.step(backend, token) or "" for token in token_ids)


def _pinned(tokenizer: Any, template_date: date) -> str | None:
    # Not every tokenizer has a template: those of mistral-common render by themselves.
    if not getattr(tokenizer, "chat_template", None):
        return None
    template = tokenizer.get_chat_template()
    return pinned(template, template_date) if uses_clock(template) else None

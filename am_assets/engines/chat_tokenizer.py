"""A model folder's tokenizer and chat template: what every engine of that model agrees on."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers.decoders import DecodeStream
from transformers import AutoTokenizer

from am_assets.core.requests import Message


class ChatTokenizer:
    """Renders, tokenizes and decodes as vLLM does for the model in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(str(folder))

    def render(self, messages: Sequence[Message]) -> str:
        """The chat template applied to `messages`, up to where the assistant begins."""
        turns = [dict(message) for message in messages]
        return self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The rendered prompt's tokens."""
        return self._tokenizer(self.render(messages), add_special_tokens=False)["input_ids"]

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, without special ones."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def text_of(self, messages: Sequence[Message], token_ids: Sequence[int]) -> str:
        """The text of a completion of `messages` that consists of `token_ids`.

        Decoded token by token after the prompt, as vLLM does: a character whose bytes are not
        complete at the end is left out.
        """
        stream = DecodeStream(ids=self.prompt_ids(messages), skip_special_tokens=True)
        backend = self._tokenizer.backend_tokenizer
        return "".join(stream.step(backend, token) or "" for token in token_ids)

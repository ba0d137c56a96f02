"""Whether a pattern stands anywhere in a text, told by an automaton that looks at each character once.

It is the one by which `jsonschema-rs` checks `pattern`, here with a schema that is nothing else: Rust's `regex`, which
finds one of many words in a part of the time that `re` takes for it, or `in` for each. It says no more than whether.
"""

from jsonschema_rs import Draft202012Validator, RegexOptions


class Sought:
    """A pattern without look-around and back-references; what is said of a text takes time in its length alone."""

    def __init__(self, pattern: str) -> None:
        self._schema = Draft202012Validator({"pattern": pattern}, pattern_options=RegexOptions())

    def may_stand_in(self, text: str) -> bool:
        """Tell whether it stands in a text, which is taken for granted where that holds a lone surrogate."""
        try:
            return self._schema.is_valid(text)
        except UnicodeEncodeError:
            return True

"""Pronouns replaced by names, with the verb made to agree: "I live" -> "Anna lives".

English only.  A third person goes back to the last name or relative mentioned that fits; there is
no syntax and no world knowledge behind it.  A pronoun with nothing to go back to stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agentmem.extract import english as en
from agentmem.extract import grammar
from agentmem.extract.english import Token

_ROLES = en.word_set("user assistant human ai system agent bot")
_FIRST = {"i": 0, "we": 0, "me": 1, "us": 1, "myself": 1, "ourselves": 1}
_FIRST |= {"my": 2, "our": 2, "mine": 2, "ours": 2}
_SECOND = {"you": 0, "yourself": 1, "yourselves": 1, "your": 2, "yours": 2}
_THIRD = {
    "he": ("m", 0), "him": ("m", 1), "his": ("m", 2),
    "she": ("f", 0), "her": ("f", 1), "hers": ("f", 2),
    "they": ("p", 0), "them": ("p", 1), "their": ("p", 2), "theirs": ("p", 2),
    "it": ("n", 0), "its": ("n", 2),
}  # fmt: skip
_AGREED = {
    "am": "is", "are": "is", "were": "was", "'m": "is", "'re": "is", "'ve": "has", "have": "has",
    "do": "does", "'ll": "will",
}  # fmt: skip
_IN = en.word_set("in at near from across around")  # a name after these is a place or a firm
_STATES = en.word_set("called named married born done located based supposed")
_PAST_CUES = en.word_set("yesterday ago last earlier once")
_EXPLETIVE = en.word_set("is was 's 'll will would takes took seems seemed looks rains rained")


def display(speaker: str | None) -> str | None:
    """How a speaker is named in a fact: a role gets its article ("user" -> "the user")."""
    name = (speaker or "").strip()
    if name.lower() in _ROLES:
        return f"the {name.lower()}"
    return name or None


@dataclass(slots=True)
class Mentions:
    """The last thing mentioned of each kind: m, f, p(lural), n(either a place or a firm)."""

    apart: frozenset[str] = frozenset()  # never meant by "he" or "she": those who talk
    last: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)  # name -> kinds it may be, "mf"

    def note(self, name: str, kinds: str) -> None:
        if name.lower() in self.apart:
            return
        kinds = self.known.setdefault(name, kinds)
        for kind in kinds:
            self.last[kind] = name

    def find(self, kind: str) -> str | None:
        name = self.last.get(kind)
        if name is not None and kind in "mf":
            self.known[name] = kind  # from here on the name is of that gender
            if self.last.get("mf"[kind == "m"]) == name:
                del self.last["mf"[kind == "m"]]
        return name


@dataclass(slots=True)
class Resolver:
    """Replaces pronouns in the clauses of one speaker; `mentions` goes from clause to clause."""

    speaker: str | None
    other: str | None
    mentions: Mentions

    def resolve(self, tokens: Sequence[Token]) -> list[Token]:
        """The clause with names for pronouns; a token replaced keeps its place in the source."""
        out: list[Token] = []
        agreed: dict[int, str] = {}
        here: set[str] = set()  # mentioned in this clause already: a pronoun is clear enough
        for at, token in enumerate(tokens):
            if at in agreed:
                out.append(Token(agreed[at], token.start, token.end))
                continue
            name, case = self._name(tokens, at, here)
            if name is None:
                out.append(token)
                self._note(tokens, at, out, here)
                continue
            out.append(Token(name + ("'s" if case == 2 else ""), token.start, token.end))
            if case == 0:
                agreed |= self._agree(tokens, at)
            if case == 2:
                self._note_kin(tokens, at, name, here)
        return out

    def _name(self, tokens: Sequence[Token], at: int, here: set[str]) -> tuple[str | None, int]:
        """The name that the token at `at` stands for, and its case: subject, object, owner."""
        low = tokens[at].low
        if low in _FIRST and not (low == "us" and tokens[at].text == "US"):
            return self.speaker, _FIRST[low]
        if low in _SECOND:
            return self.other, _SECOND[low] or int(not self._is_subject(tokens, at))
        if low not in _THIRD:
            return None, 0
        kind, case = _THIRD[low]
        if low == "her" and _owns(tokens, at):
            case = 2
        if kind == "n" and case == 0 and at + 1 < len(tokens) and tokens[at + 1].low in _EXPLETIVE:
            return None, 0
        name = self.mentions.find(kind)
        return (None, 0) if name is None or name in here else (name, case)

    def _is_subject(self, tokens: Sequence[Token], at: int) -> bool:
        verb = grammar.after_adverbs(tokens, at + 1)
        return verb < len(tokens) and grammar.finite(tokens, verb)

    def _agree(self, tokens: Sequence[Token], at: int) -> dict[int, str]:
        """The form of the verb after the pronoun at `at`, by its place; "My sister and I" none."""
        pronoun = tokens[at].low
        if at > 1 and tokens[at - 1].low == "and" and pronoun in _FIRST:
            return {}
        verb = grammar.after_adverbs(tokens, at + 1)
        if verb >= len(tokens):
            return {}
        low = tokens[verb].low
        if low in ("'d", "'s"):
            return {verb: _expand(tokens, verb)}
        if pronoun not in ("i", "we", "you"):
            return {verb: "will"} if low == "'ll" else {}
        if low in _AGREED:
            return {verb: _AGREED[low]}
        if low in en.MODALS or low in en.AUXILIARIES or not grammar.finite(tokens, verb):
            return {}
        return {verb: self._present(tokens, verb)}

    def _present(self, tokens: Sequence[Token], verb: int) -> str:
        low = tokens[verb].low
        if low in en.UNCHANGED:
            cue = any(t.low in _PAST_CUES for t in tokens[verb + 1 : verb + grammar.REACH])
            return low if cue or low not in en.STATIVE else en.third(low)
        if low in en.BASES:
            return en.third(low)
        past = low in en.PASTS or low in en.PARTICIPLES or low.endswith("ed")
        return low if past or low in en.THIRDS else en.third(low)

    def _note(self, tokens: Sequence[Token], at: int, out: list[Token], here: set[str]) -> None:
        """Remember the name, or somebody's relative, that the token at `at` completes."""
        token = tokens[at]
        if not _name_at(tokens, at) or (at + 1 < len(tokens) and _name_at(tokens, at + 1)):
            if at and tokens[at - 1].low == "the" and token.low in en.KIN_N:
                self.mentions.note(f"the {token.low}", "mf")
                here.add(f"the {token.low}")
            if at and tokens[at - 1].low == "'s":
                self._note_kin(tokens, at - 1, out[-3].text if len(out) > 2 else "", here)
            return
        first = at
        while first and at - first < 3 and _name_at(tokens, first - 1):
            first -= 1
        name = " ".join(t.text for t in tokens[first : at + 1])
        self.mentions.note(name, self._kinds(tokens, first))
        here.add(name)

    def _kinds(self, tokens: Sequence[Token], first: int) -> str:
        """Which pronouns may stand for the name that begins at `first`."""
        low = tokens[first].low
        if low in en.FEMALE or low in en.MALE:
            return "f" if low in en.FEMALE else "m"
        before = [t.low for t in tokens[max(0, first - 6) : first]]
        went = bool({"go", "went", "move", "moved", "fly", "flew"} & set(before))
        if before and (before[-1] in _IN or (before[-1] == "to" and went)):
            return "n"
        linked = before and before[-1] in ("called", "named", "is", "was", "'s")
        for noun in reversed(before if linked else before[-1:]):
            if noun in en.KIN_F or noun in en.KIN_M:
                return "f" if noun in en.KIN_F else "m"
        return "mf"

    def _note_kin(self, tokens: Sequence[Token], at: int, owner: str, here: set[str]) -> None:
        """Remember "Anna's sister" after an owner at `at`: the noun is within three tokens."""
        for place in range(at + 1, min(at + 4, len(tokens))):
            low = tokens[place].low
            if low in en.KIN_P or low in en.KIN:
                kinds = "p" if low in en.KIN_P else "f" if low in en.KIN_F else "m"
                if low in en.KIN_N or low in en.PETS:
                    kinds = "mf"
                between = "".join(f" {t.text}" for t in tokens[at + 1 : place + 1])
                if owner:
                    self.mentions.note(f"{owner}'s{between}", kinds)
                    here.add(f"{owner}'s{between}")
                return
            if low in en.CLOSED or not low[0].isalpha():
                return


def _name_at(tokens: Sequence[Token], at: int) -> bool:
    """Whether a proper name is at `at`; a clause's first word must be known or precede a verb."""
    token = tokens[at]
    if not grammar.is_name(token) or not token.text[0].isalpha():
        return False
    if at or token.low in en.FEMALE or token.low in en.MALE:
        return True
    common = token.low in en.BASES or token.low in en.INTERJECTIONS or token.low in en.KIN_P
    if common or len(tokens) < 2:
        return False
    follows = tokens[1].low
    return grammar.finite(tokens, 1) or follows in ("'s", "and") or grammar.is_name(tokens[1])


def _owns(tokens: Sequence[Token], at: int) -> bool:
    """Whether "her" at `at` is an owner: a noun follows, not a closed-class word or a mark."""
    if at + 1 >= len(tokens):
        return False
    follows = tokens[at + 1]
    return follows.text[0].isalnum() and follows.low not in en.CLOSED and follows.low != "to"


def _expand(tokens: Sequence[Token], at: int) -> str:
    """'d and 's written out: had or would, has or is, by the form of the verb after them."""
    follows = grammar.after_adverbs(tokens, at + 1)
    word = tokens[follows].low if follows < len(tokens) else ""
    done = word in en.PARTICIPLES and word not in _STATES
    if tokens[at].low == "'s":
        return "has" if done or word == "got" else "is"
    return "had" if word == "better" or (done and word not in en.BASES) else "would"

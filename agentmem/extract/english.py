"""Closed word classes and verb forms of English, for the offline extractors.

A few hundred frequent verbs and the endings of the regular ones; no part-of-speech tagger.  A
verb that is not listed is told only after a subject pronoun, an auxiliary or a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


def word_set(entries: str) -> frozenset[str]:
    return frozenset(entries.split())


# base, past, participle; forms equal to the one before are left out
_IRREGULAR = """
    be:was:been become:became:become begin:began:begun
    bite:bit:bitten break:broke:broken bring:brought
    build:built buy:bought catch:caught choose:chose:chosen come:came:come cost:cost cut:cut
    do:did:done draw:drew:drawn drink:drank:drunk drive:drove:driven eat:ate:eaten fall:fell:fallen
    feed:fed feel:felt fight:fought find:found fly:flew:flown forget:forgot:forgotten get:got
    give:gave:given go:went:gone grow:grew:grown hang:hung have:had hear:heard hide:hid:hidden
    hit:hit hold:held hurt:hurt keep:kept know:knew:known lead:led leave:left lend:lent let:let
    lose:lost make:made mean:meant meet:met pay:paid put:put quit:quit read:read ride:rode:ridden
    ring:rang:rung rise:rose:risen run:ran:run say:said see:saw:seen sell:sold send:sent set:set
    shoot:shot show:showed:shown shut:shut sing:sang:sung sit:sat sleep:slept speak:spoke:spoken
    spend:spent split:split stand:stood steal:stole:stolen swim:swam:swum take:took:taken
    teach:taught tell:told think:thought throw:threw:thrown understand:understood wake:woke:woken
    wear:wore:worn win:won write:wrote:written
"""
_REGULAR = """
    accept achieve add adopt agree allow answer appear apply appreciate argue arrive ask attend
    avoid bake believe belong book borrow call camp cancel care carry celebrate change chat check
    clean climb close coach collect commute compete complete consider cook create cry cycle dance
    decide deliver describe design develop die discover discuss dislike divorce donate dream drop
    earn email encourage end enjoy enter exercise expect explain explore finish fish fix focus
    follow garden graduate guess handle happen hate help hike hire hope host hurry imagine improve
    include inspire install intend invest invite join juggle jump kick kill knit laugh launch
    learn like listen live look love major manage marry matter mention miss mix move name need
    notice offer open order organize own pack paint park pass perform phone pick plan plant play
    practice practise prefer prepare promise promote propose publish pull purchase push raise reach
    realize receive recommend record recover relax release remember remind remove rent repair
    replace reply represent research reserve respond rest retire return save schedule search seem
    serve share ship shop sign skate ski smile smoke snore snow sound speed start stay stop stream
    struggle study suffer suggest support surf surprise switch talk taste text thank tour train
    translate travel try turn type update use vacation visit volunteer wait walk want wash watch
    weigh welcome wish wonder work worry
"""
_VERBS = [entry.split(":") for entry in _IRREGULAR.split()] + [[w] for w in _REGULAR.split()]
_DOUBLED_ING = word_set("begin cut forget get hit let put quit run set shut sit split swim win")
_DOUBLED = word_set("chat drop knit plan prefer ship shop stop")


def third(base: str) -> str:
    """The third person singular of a verb: live -> lives, study -> studies, go -> goes."""
    known = {"be": "is", "have": "has"}
    if base in known:
        return known[base]
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def _past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + (base[-1] if base in _DOUBLED else "") + "ed"


def gerund(base: str) -> str:
    """The -ing form: make -> making, plan -> planning."""
    if base.endswith("e") and not base.endswith("ee") and base != "be":
        return base[:-1] + "ing"
    final = base[-1] if base in _DOUBLED or base in _DOUBLED_ING else ""
    return base + final + "ing"


BASES = frozenset(entry[0] for entry in _VERBS)
THIRDS = frozenset(third(base) for base in BASES) | {"'s"}
PASTS = frozenset(e[1] if len(e) > 1 else _past(e[0]) for e in _VERBS) | {"were"}
PARTICIPLES = frozenset(e[-1] if len(e) > 1 else _past(e[0]) for e in _VERBS) | {"born", "gotten"}
GERUNDS = frozenset(gerund(base) for base in BASES)
UNCHANGED = frozenset(e[0] for e in _VERBS if len(e) == 2 and e[0] == e[1])  # put, quit, read
STATIVE = frozenset({"read", "cost"})  # of these, taken as present unless a past time is named

MODALS = word_set(
    "will would can could shall should may might must 'll cannot wo ca gonna gotta wanna"
)
BE = word_set("am is are was were be been being 'm 're")
HAVE = word_set("have has had having 've")
DO = word_set("do does did")
AUXILIARIES = MODALS | BE | HAVE | DO | {"'d"}
NEGATIONS = frozenset({"not", "n't", "never", "no longer"})
ADVERBS = word_set("""
    not n't never also still just really always usually often sometimes already finally recently
    now then actually probably even only almost currently totally definitely certainly rarely
    seldom generally normally mostly mainly soon both once maybe perhaps so too quite very
    ever absolutely literally basically originally eventually honestly simply truly ago
    first kinda sorta nearly lately all
""")
NOT_ADVERBS = word_set("""
    family italy july emily sally lily billy kelly molly polly fly reply apply rely bully jelly
    daily belly silly lovely friendly early supply
""")
DETERMINERS = word_set("""
    a an the this that these those my your his her its our their some any no every each both all
    another many much few several two three four five six seven eight nine ten one most
""")
PREPOSITIONS = word_set("""
    in on at to from for with of about by into onto near over under after before since until during
    through between against around as towards toward without within across along behind beside
    inside outside off out up down than like via per among beyond above below
""")
PARTICLES = word_set("up out off down back away over together around along")
SUBJECTS = word_set("i you he she we they it")
PRONOUNS = SUBJECTS | word_set("""
    me him her us them mine yours hers ours theirs myself yourself himself herself itself ourselves
    themselves this that these those there someone everyone somebody everybody something everything
    nothing anyone anything who which what one
""")
SUBORDINATORS = word_set("""
    because since when while although though if unless until after before that whether whenever
    whereas so where as once who which what how why whom whose than
""")
COORDINATORS = word_set("and but or nor yet")
CLOSED = (
    AUXILIARIES
    | NEGATIONS
    | ADVERBS
    | DETERMINERS
    | PREPOSITIONS
    | PRONOUNS
    | SUBORDINATORS
    | COORDINATORS
    | {"'s", "there", "here", "please", "mr", "mrs", "dr"}
)
QUESTION = word_set("what where when who whom whose why which how")
CALENDAR = word_set("""
    monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays
    fridays saturdays sundays january february march april may june july august september october
    november december christmas easter halloween thanksgiving
""")
LANGUAGES = word_set("""
    english spanish french german italian portuguese dutch russian chinese japanese korean arabic
    american british european african asian indian mexican canadian irish greek turkish swedish
    internet god tv
""")

# Nouns that, owned by somebody, can be what "he", "she" or "they" goes back to.
KIN_F = word_set("""
    sister mother mom mum mommy wife girlfriend daughter aunt grandmother grandma niece
    girl woman fiancee
""")
KIN_M = word_set("""
    brother father dad daddy husband boyfriend son uncle grandfather grandpa nephew boy man fiance
""")
KIN_N = word_set("""
    friend boss partner colleague coworker roommate flatmate neighbor neighbour cousin teacher
    doctor dentist therapist manager kid child baby spouse coach student
""")
PETS = word_set("dog cat puppy kitten pet horse rabbit parrot hamster bird")
KIN_P = word_set(
    "parents kids children grandparents friends sisters brothers sons daughters "
    "twins neighbors neighbours colleagues cousins dogs cats"
)
KIN = KIN_F | KIN_M | KIN_N | PETS
FEMALE = word_set("""
    ana anna alice amy andrea angela barbara carla caroline carol claire clara diana elena elizabeth
    emily emma eva grace hannah helen jane jennifer jessica joanna julia karen kate laura lena linda
    lisa lucy luna maria marie mary melanie mia nancy nina nora olivia rachel rebecca rosa sarah
    sofia sophia sophie susan
""")
MALE = word_set("""
    adam alan andrew anthony ben bob brian carl carlos charles chris daniel dave david eric frank
    george henry jack jacob james jeff jim joe john jose juan kevin leo luis luke mark martin
    matthew max michael mike nate nick oliver oscar paul peter pedro rex richard robert ryan sam
    simon steve steven thomas tim tom will william
""")


# Said to open, close or cheer, not to tell.
INTERJECTIONS = word_set("""
    hi hello hey yes yeah yep yup oh wow ok okay haha lol ah aw aww hmm woah whoa ooh anyway btw
    yay mmm nah sure well no nope
""")
FEELINGS = word_set("""
    glad happy sorry excited proud sure thrilled delighted pleased grateful thankful jealous
""")
VALUES = word_set("""
    great good nice fun amazing awesome wonderful lovely cool fantastic perfect terrible bad awful
    incredible beautiful interesting funny sad crazy hard tough easy true fine ok okay exciting
    brilliant inspiring welcome right kind sweet impressive important
""")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, clitic ('m, n't) or mark of a text; text[start:end] is what it was read from."""

    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        return self.text.lower()


_TOKEN = re.compile(
    r"(?P<neg>(?<=[A-Za-z])n't\b)"
    r"|(?P<adverb>\bno longer\b)"
    r"|(?P<clitic>'(?:m|re|ve|ll|d|s)\b)"
    r"|(?P<word>[^\W_](?:(?!n't\b)[^\W_])*(?:[-.@/&:+][^\W_]+)*(?:'(?!(?:m|re|ve|ll|d|s|t)\b)[^\W_]+)?)"
    r"|(?P<mark>[^\w\s]|_)",
    re.IGNORECASE,
)


def tokens(text: str) -> list[Token]:
    """The words, clitics and marks of a text; a curly apostrophe counts as a plain one."""
    plain = text.replace("’", "'")
    return [Token(m[0], m.start(), m.end()) for m in _TOKEN.finditer(plain)]

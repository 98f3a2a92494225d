"""English words that tell nothing of what a text is about: a search does not look them up.

Articles, pronouns, prepositions, auxiliaries and question words, with what the apostrophe leaves of
them.  Other languages do without: there a word's rarity alone decides.  `bench/ideas.py` measures
what the list is worth.
"""

from __future__ import annotations

_ENGLISH = """
a about after all am an and any are as at be been before being but by can could d did do does
doing done for from had has have having he her hers him his how i if in into is it its ll m may
me might must my no not of on or our ours re s shall she should so some such t than that the
their theirs them then there these they this those to too us ve was we were what when where
which who whom whose why will with would you your yours
"""

STOPWORDS = frozenset(_ENGLISH.split())

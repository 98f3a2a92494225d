"""Redactors: what goes out of every text before it is embedded, indexed, journalled or logged.

    redact: [pii, {mypackage.mine:Presidio: {language: en}}]      one after the other

What they take out is in no file: there is nothing to erase later, and no way back.
"""

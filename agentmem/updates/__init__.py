"""How new statements meet what is known: one file per updater."""

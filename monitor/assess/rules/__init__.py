"""One file per fault rule. Each has a ``find`` and the ``RULE`` that documents it."""

"""Command lines, messages, standard input and output, signals: see src/cli/."""

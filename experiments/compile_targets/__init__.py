"""Our programs, compiled for chips that are not here."""

"""Template tags: `{% load buildflags %}`."""

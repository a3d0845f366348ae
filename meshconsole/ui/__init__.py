"""The parts that all pages share, each in one place: form renderer, template tags, badges, dialogs, the frame."""

"""What several screens share: the frame around them, dialogs, rows, menus."""

"""Every question to clusters that writes nothing there."""

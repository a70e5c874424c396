"""Burned-in text for training and judging: fonts, strings, backgrounds, layouts, and instances made of them."""

"""The second looks at what is about to be published; shares no code with the scrubber."""

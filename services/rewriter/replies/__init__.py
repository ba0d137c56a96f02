"""Inbound mail: which of our messages it answers, by whom, and whether a person wrote it.

`doors` takes the mail and `judge` decides; all but `doors` is pure. `parse` cuts the mail into bounded parts, `text`
decodes them, `report` reads bounces and complaints, `automatic` tells machines' answers from people's with the words of
`subjects`, `returns` reads the day on which somebody is back, `match` finds the message with what `addresses` reads.
"""

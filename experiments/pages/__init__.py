"""Drawn pages of real digits, whose truth is known, and how well they are read.

glyphs      28x28 digits -> ink of any size and angle
page        ink -> a grey picture with its truth
paper       ruled lines, squared paper, underlines and shadows
rows        rows of digits: plain, underlined, tilted, touching, ...
crops       single digits, cut out tightly or broken into parts
sheets      many digits on a sheet, and sheets without any
non_digits  words, scribbles and symbols
kinds       all kinds of pages by name
score       reads pages and counts what is right
"""

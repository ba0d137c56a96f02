"""Makes the read models anew beside the live ones, compares the two at one offset vector, and lets them change places.

Read: tables, structure, beside, following, redriven, pacing, progress, session, stillness, comparing, report,
switching, verbs
"""

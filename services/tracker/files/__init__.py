"""Followed files and hosted pictures: found, judged, presented and put on the network.

`file_doors` takes the hit and decides; `shelf` finds the file in the object store, `conditions` and `ranges` say which
part is due, `media` and `disposition` how it is presented, `sending` puts it on the network.
"""

"""Who is what, by address, where the call does not say: asked of the operator's own directory over HTTP.

Read: answers, remembered, patience, directory, people. `docs/directory.md` is the contract; `contract.json` has it as a
document.
"""

"""``python -m pip``: what works says what there is, everything else says why it does not."""

import sys

_WHY = (
    "pip: nothing can be installed in this sandbox: an action has no network, and packages belong to the person's own "
    "environment. Packages of the workspace can be imported as they are (run from their directory, or set PYTHONPATH); "
    "'python -m pip list' shows what else is there."
)


def main() -> int:
    """Answer a command line."""
    verb = next((a for a in sys.argv[1:] if not a.startswith("-")), "")
    if "--version" in sys.argv[1:2] or "-V" in sys.argv[1:2]:
        sys.stdout.write("pip 0 (agentsh's: it lists what there is and installs nothing)\n")
        return 0
    if verb not in ("list", "freeze"):
        sys.stderr.write(_WHY + "\n")
        return 1
    from importlib.metadata import distributions

    found = sorted({(d.name, d.version) for d in distributions() if d.name}, key=lambda x: x[0].lower())
    if verb == "freeze":
        sys.stdout.writelines(f"{name}=={version}\n" for name, version in found)
        return 0
    width = max([len(name) for name, _ in found] + [7])
    sys.stdout.write(f"{'Package'.ljust(width)} Version\n{'-' * width} -------\n")
    sys.stdout.writelines(f"{name.ljust(width)} {version}\n" for name, version in found)
    return 0


if __name__ == "__main__":
    sys.exit(main())

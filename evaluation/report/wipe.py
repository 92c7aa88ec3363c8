"""Two pictures or videos on top of each other, with a slider that wipes between them."""

from onestep.evaluation.pages.markup import Markup, element


def wipe(
    below: Markup, above: Markup, *, names: tuple[str, str], label: str, size_px: tuple[int, int] | None
) -> Markup:
    """Return the pair with its slider.

    Args:
        below: What shows on the left of the slider.
        above: What shows on its right.
        names: What the two are, written into the corners.
        label: What the slider does, for those who cannot see it.
        size_px: Width and height that set the shape of the box.
    """
    shape = f"aspect-ratio: {size_px[0]} / {size_px[1]}" if size_px else None
    slider = element("input", type="range", min=0, max=100, step="any", value=50, aria_label=label)
    corners = [
        element("span", name, class_=f"corner {side}", aria_hidden="true")
        for name, side in zip(names, ("left", "right"), strict=True)
    ]
    layers = (element("div", below, class_="below"), element("div", above, class_="above"))
    return element("div", *layers, *corners, slider, class_="wipe", style=shape)

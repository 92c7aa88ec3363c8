"""The contact sheet: the worst, the median and the best picture of each measure, to look at and to wipe over."""

from onestep.evaluation.pages.markup import Markup, element, joined
from onestep.evaluation.report.cases import Case, chosen_cases
from onestep.evaluation.report.figures_table import arrow, figure_names, figure_of
from onestep.evaluation.report.numbers import number, with_unit
from onestep.evaluation.report.picture_store import PictureStore
from onestep.evaluation.report.section import section
from onestep.evaluation.report.wipe import wipe
from onestep.evaluation.results import Evaluation, Figure, PictureRef, Row


def contact_sheet_section(evaluation: Evaluation, store: PictureStore) -> Markup:
    """Return the contact sheet of the translators; its pictures go into `store`."""
    translators = [row for row in evaluation.rows if row.kind == "translator"]
    names = [name for name in figure_names(translators) if any(name in row.per_picture for row in translators)]
    strips = {name: _strips(name, translators, evaluation.pictures, store) for name in names}
    shown = [name for name in names if strips[name]]
    if not shown:
        return section("pictures", "Pictures", element("p", "No measure was taken picture by picture."))
    groups = (_group(figure_of(name, translators), strips[name]) for name in shown)
    explanation = element(
        "p",
        "For each measure the worst, the median and the best picture. Drag the slider, or focus it and use the arrow "
        "keys, to wipe between input and output. Choose a small picture to see it large.",
        class_="lead",
    )
    index = element("nav", *(_link(name) for name in shown), class_="index", aria_label="Measures")
    return section("pictures", "Pictures", explanation, index, *groups, _large_view())


def _strips(name: str, rows: list[Row], pictures: list[PictureRef], store: PictureStore) -> Markup:
    """Return one strip of three cases for each translator."""
    parts: list[Markup] = []
    for row in rows:
        figure = row.figures.get(name)
        values = row.per_picture.get(name, [])
        cases = chosen_cases(values, figure.better) if figure else []
        cards = [_card(case, figure, row, pictures[case.index], store) for case in cases if figure]
        if cards:
            title = element("h4", row.name) if len(rows) > 1 else ""
            parts.append(joined([title, element("div", *cards, class_="strip")]))
    return joined(parts)


def _group(figure: Figure, strips: Markup) -> Markup:
    heading = element("h3", element("code", figure.name), " ", arrow(figure))
    definition = element("p", figure.definition, class_="definition")
    return element("div", heading, definition, strips, class_="group", id=f"pictures-{figure.name}")


def _link(name: str) -> Markup:
    return element("a", name, href=f"#pictures-{name}")


def _card(case: Case, figure: Figure, row: Row, picture: PictureRef, store: PictureStore) -> Markup:
    parts = {"input": picture.source, "output": picture.outputs.get(row.name)}
    parts |= {"target": picture.target, "truth": picture.truth}
    images = {name: store.image(path, f"{name} of {picture.name}, {row.name}") for name, path in parts.items() if path}
    large = _wipe_of(images, picture, store) if "output" in images else ""
    smalls = [_small(name, image, picture.name) for name, image in images.items()]
    value = with_unit(number(case.value), figure.unit)
    caption = element(
        "figcaption",
        element("span", case.rank, class_=f"rank {case.rank}"),
        element("b", value),
        element("span", picture.name, class_="file", title=picture.name),
    )
    return element("figure", caption, large, element("div", *smalls, class_="smalls"), class_="case")


def _wipe_of(images: dict[str, Markup], picture: PictureRef, store: PictureStore) -> Markup:
    label = f"Wipe between input and output of {picture.name}"
    size_px = store.size_px(picture.source)
    return wipe(images["input"], images["output"], names=("input", "output"), label=label, size_px=size_px)


def _small(name: str, image: Markup, of: str) -> Markup:
    return element(
        "button", image, element("span", name), type="button", class_="small", data_shows=name, title=f"{name} of {of}"
    )


def _large_view() -> Markup:
    """Return the view that the page's script fills when a small picture is chosen."""
    image = Markup('<img alt="">')
    pair = wipe(image, image, names=("input", "output"), label="Wipe between the two pictures", size_px=None)
    close = element("button", "Close", type="button", class_="close")
    head = element("div", element("p", "", class_="file"), close, class_="head")
    return element("dialog", head, pair, id="large", aria_label="Large view")

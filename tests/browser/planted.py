"""Small pages with one fault each, and the sentence that must name it; one without any."""


def whole(body: str, head: str = "<title>A page</title>") -> str:
    window = "<meta name='viewport' content='width=device-width'>"
    return f"<!doctype html><html lang='en'><meta charset='utf-8'>{window}{head}<body><h1>Heading</h1>{body}"


def plot(marks: str, about: str = "role='img' aria-label='Plot'", size: str = "width='300' height='100'") -> str:
    return whole(f"<svg {about} {size} viewBox='0 0 300 100' font-size='12'>{marks}</svg>")


def text(x: float, y: float, words: str, size: float = 12) -> str:
    return f"<text x='{x}' y='{y}' font-size='{size}'>{words}</text>"


def bar(x: float, colour: str = "#0b5394") -> str:
    return f"<rect x='{x}' y='40' width='80' height='20' fill='{colour}'/>"


def line(y: float, colour: str, dash: str) -> str:
    return f"<path d='M10 {y}H200' fill='none' stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'/>"


BLUE, RED = "#0b5394", "#8c1010"  # one grey

FAULTLESS = plot(bar(10) + line(20, BLUE, "none") + line(30, RED, "5 3") + text(10, 80, "a name"))

PLANTED = {
    "no title": (whole("", head=""), "no title"),
    "no language": (whole("").replace(" lang='en'", ""), "no language"),
    "no first heading": (whole("").replace("h1>", "h2>"), "headings do not begin with the only one of level 1"),
    "two first headings": (whole("<h1>B</h1>"), "headings do not begin with the only one of level 1"),
    "a level left out": (whole("<h3>B</h3>"), "heading 'B' of level 3 below one of level 1"),
    "an empty heading": (whole("<h2></h2>"), "heading of level 2 without a text"),
    "a plot without a name": (plot(bar(10), about="role='img'"), "picture 1 has no name"),
    "an image without words": (whole("<img src='data:,'>"), "image data:, has nothing that stands for it"),
    "a link without words": (whole("<a href='#a'></a>"), "link to #a has no text"),
    "too wide": (whole("<div style='width:70rem'>x</div>"), "the page reaches to 1128 of 400 pixels"),
    "a line cut off": (
        whole("<p style='overflow:hidden;white-space:nowrap'>" + "word " * 99),
        "pixels",
    ),
    "no size": (plot(bar(10), size="width='0' height='0'"), "Plot: drawn without a size"),
    "only words": (plot(text(10, 50, "words")), "Plot: nothing is drawn"),
    "white on white": (plot(bar(10, "#ffffff")), "Plot: nothing is drawn"),
    "hidden": (plot(f"<g style='display:none'>{bar(10)}</g>"), "Plot: nothing is drawn"),
    "transparent": (plot(f"<g style='opacity:0'>{bar(10)}</g>"), "Plot: nothing is drawn"),
    "a mark outside": (plot(bar(250)), "Plot: a rect at 250, 40, 330, 60 leaves the picture"),
    "a text cut": (plot(bar(10) + text(260, 20, "cut at the edge")), "Plot: 'cut at the edge' at 260"),
    "texts on one another": (plot(bar(10) + text(9, 20, "one") + text(20, 24, "two")), "Plot: 'one' lies on 'two'"),
    "a mark over a text": (plot(text(12, 55, "below") + bar(10)), "Plot: a rect is drawn over 'below'"),
    "small letters": (whole("<p style='font-size:10px'>tiny</p>"), "text: 'tiny' is 10.0 pixels high"),
    "small letters in a plot": (plot(bar(10) + text(9, 20, "tiny", 9)), "Plot: 'tiny' is 9.0 pixels high"),
    "faint letters": (whole("<p style='color:#aaa'>faint</p>"), "text: 'faint' has a contrast of 2.3"),
    "dark on dark": (plot(bar(10) + text(12, 55, "dark")), "Plot: 'dark' has a contrast of 2."),
    "bars of one grey": (plot(bar(10, BLUE) + bar(100, RED)), "differ by"),
    "lines of one grey": (plot(line(20, BLUE, "5 3") + line(30, RED, "5 3")), "differ by"),
}

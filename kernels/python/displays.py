"""Values and figures that can show themselves in more than text become `display` messages."""
import sys
from _json import encode_basestring_ascii as quote
from binascii import b2a_base64

kernel = kernel  # noqa: F821 - the kernel's globals, set by its loader

FORMS = (
    ("_repr_html_", "text/html"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_latex_", "text/latex"),
)
MAX_FIGURES = 64


def show_value(value):
    """Sends the rich forms of `value`, if its type has any."""
    show(forms_of(value))


def display(values):
    for value in values:
        show(forms_of(value) or {"text/plain": repr(value)})


def forms_of(value):
    """What `value` makes of itself, by MIME type. A form that fails is left out."""
    kind = type(value)
    mime = {}
    if isinstance(value, type):
        return mime
    if hasattr(kind, "_repr_mimebundle_"):
        made = attempt(value._repr_mimebundle_)
        made = made[0] if isinstance(made, tuple) and made else made
        if isinstance(made, dict):
            mime.update((k, v) for k, v in dict.items(made) if isinstance(k, str) and k != "text/plain")
    for method, name in FORMS:
        if name not in mime and hasattr(kind, method):
            made = attempt(getattr(value, method))
            made = made[0] if isinstance(made, tuple) and made else made
            if made is not None:
                mime[name] = made
    return mime


def attempt(method):
    try:
        return method()
    except Exception:
        return None


def show(mime):
    """Sends one display. A form that is too large for a message gives way to a note of its size."""
    room = kernel["MAX_LINE"]
    fields = []
    for name, content in mime.items():
        if isinstance(content, (bytes, bytearray)):
            content = b2a_base64(content, newline=False).decode("ascii")
        if not isinstance(content, str):
            continue
        text = quote(name[:128]) + ":" + quote(content) if len(content) < room else ""
        if not 0 < len(text) < room:
            text = '"text/plain":' + quote("[%s of %d characters is too large to display]" % (name[:128], len(content)))
        room -= len(text)
        fields.append(text)
    if fields:
        kernel["flush"]()
        kernel["send"]('{"t":"display","id":%s,"mime":{%s}}' % (kernel["request_id"], ",".join(fields)))


def plot_spec(finder, path):
    """The spec of `matplotlib.pyplot`, whose `show` will be ours, on the backend that draws into memory."""
    import os
    from importlib.machinery import PathFinder
    sys.meta_path.remove(finder)
    os.environ.setdefault("MPLBACKEND", "Agg")
    spec = PathFinder.find_spec("matplotlib.pyplot", path)
    if spec is not None:
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            module.show = show_figures

        spec.loader.exec_module = exec_module
    return spec


def show_figures(*_args, **_kwargs):
    """Sends every open matplotlib figure and closes it: at `plt.show()` and at the end of a request."""
    import io
    pyplot = sys.modules["matplotlib.pyplot"]
    if not hasattr(pyplot, "get_fignums"):
        return  # its import failed half-way
    for number in list(pyplot.get_fignums())[:MAX_FIGURES]:
        figure = pyplot.figure(number)
        data = io.BytesIO()
        figure.savefig(data, format="png", bbox_inches="tight")
        pyplot.close(figure)
        show({"image/png": data.getvalue()})

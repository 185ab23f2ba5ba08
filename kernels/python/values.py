"""A value as its message: type, one-line preview, and JSON where it has one. Bounded whatever the value does."""
from _json import encode_basestring_ascii as quote

MAX_PREVIEW_BYTES = 4096
MAX_JSON_CHARS = 256 * 1024
MAX_JSON_DEPTH = 64
MAX_REPR_DEPTH = 32
EXACT = 2**53  # integers beyond are not exact in JSON's readers


def describe(value):
    text = to_json(value)
    return '"type":%s,"preview":%s%s' % (
        quote(type(value).__name__[:256]),
        quote(preview(value)),
        "" if text is None else ',"json":' + text,
    )


def one_line(text):
    line = " ".join(part.strip() for part in text[: 2 * MAX_PREVIEW_BYTES].splitlines()) if "\n" in text else text
    line = "".join(c if c.isprintable() else " " for c in line[:MAX_PREVIEW_BYTES])
    data = line.encode("utf-8", "replace")
    if len(data) <= MAX_PREVIEW_BYTES and len(text) <= MAX_PREVIEW_BYTES:
        return line
    return data[: MAX_PREVIEW_BYTES - 3].decode("utf-8", "ignore") + "\u2026"


def preview(value):
    """`repr`, but of a huge container only as much as fits."""
    writer = Writer()
    try:
        writer.write(value, 0)
    except Full:
        pass
    return one_line("".join(writer.pieces))


class Full(Exception):
    pass


BRACKETS = {list.__repr__: "[]", tuple.__repr__: "()", set.__repr__: "{}", dict.__repr__: "{}"}


class Writer:
    def __init__(self):
        self.pieces = []
        self.room = MAX_PREVIEW_BYTES + 64
        self.inside = set()

    def put(self, text):
        self.pieces.append(text)
        self.room -= len(text)
        if self.room < 0:
            raise Full

    def write(self, value, depth):
        kind = type(value)
        brackets = BRACKETS.get(kind.__repr__) if kind in (list, tuple, set, dict) else None
        if brackets is None or not value:
            self.put(self.leaf(value, kind))
        elif id(value) in self.inside or depth > MAX_REPR_DEPTH:
            self.put(brackets[0] + "..." + brackets[1])
        else:
            self.inside.add(id(value))
            self.container(value, kind, brackets, depth)
            self.inside.discard(id(value))

    def container(self, value, kind, brackets, depth):
        self.put(brackets[0])
        first = True
        for item in value:
            if not first:
                self.put(", ")
            first = False
            self.write(item, depth + 1)
            if kind is dict:
                self.put(": ")
                self.write(value[item], depth + 1)
        self.put("," + brackets[1] if kind is tuple and len(value) == 1 else brackets[1])

    def leaf(self, value, kind):
        if kind in (str, bytes, bytearray) and len(value) > MAX_PREVIEW_BYTES:
            return repr(value[:MAX_PREVIEW_BYTES])[:-1] + "\u2026"
        if kind is int and value.bit_length() > 14000:
            return "<int of %d bits>" % value.bit_length()
        try:
            return repr(value)
        except Exception as error:
            return "<%s object, whose repr raised %s>" % (kind.__name__, type(error).__name__)


class NotJson(Exception):
    pass


def to_json(value):
    """The value's JSON text; None where it has none, or is too large, too deep or cyclic."""
    try:
        return Encoder().encode(value, 0)
    except Exception:
        return None


class Encoder:
    def __init__(self):
        self.room = MAX_JSON_CHARS

    def take(self, text):
        self.room -= len(text)
        if self.room < 0:
            raise NotJson
        return text

    def encode(self, value, depth):
        if value is None or value is True or value is False:
            return self.take({None: "null", True: "true", False: "false"}[value])
        if isinstance(value, str):
            if len(value) > self.room:
                raise NotJson
            return self.take(quote(value))
        if isinstance(value, (int, float)):
            return self.take(self.number(value))
        if depth >= MAX_JSON_DEPTH:
            raise NotJson
        self.take("[]")
        # The base types' own methods, so that a subclass's `__iter__` is never called.
        if isinstance(value, (list, tuple)):
            base = list if isinstance(value, list) else tuple
            return "[%s]" % ",".join([self.encode(item, depth + 1) for item in base.__iter__(value)])
        if isinstance(value, dict):
            return "{%s}" % ",".join([self.member(key, item, depth) for key, item in dict.items(value)])
        raise NotJson

    def number(self, value):
        if isinstance(value, int):
            if not -EXACT < value < EXACT:
                raise NotJson
            return int.__repr__(value)
        if value - value != 0:  # infinite or not a number
            raise NotJson
        return float.__repr__(value)

    def member(self, key, value, depth):
        self.take(",")
        if not isinstance(key, str):
            if key is not None and not isinstance(key, (int, float)):
                raise NotJson
            key = self.encode(key, depth)
        return self.take(quote(key)) + ":" + self.encode(value, depth + 1)

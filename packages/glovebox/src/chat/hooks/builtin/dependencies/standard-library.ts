import { builtinModules } from "node:module";

/** Modules of CPython 3.11 to 3.14 together, as `sys.stdlib_module_names` lists them; those with an underscore count by it. */
const PYTHON =
  "abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall compression concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

const NAMES = {
  python: new Set(PYTHON.split(" ")),
  /** Of the Node that runs the server. */
  javascript: new Set(builtinModules.filter((name) => !name.startsWith("_")).map((name) => name.split("/")[0] ?? name)),
  rust: new Set(["std", "core", "alloc", "proc_macro", "test"]),
} as const;

/** Languages whose packages are known by name. TypeScript's are JavaScript's. */
export type Ecosystem = keyof typeof NAMES;

/** Whether a language brings a package itself. */
export function isStandard(ecosystem: Ecosystem, name: string): boolean {
  return NAMES[ecosystem].has(name) || (ecosystem === "python" && name.startsWith("_"));
}

/** What is imported by another name than it is installed by. */
const INSTALLED_AS: ReadonlyMap<string, string> = new Map([
  ["PIL", "pillow"],
  ["bs4", "beautifulsoup4"],
  ["cv2", "opencv-python"],
  ["sklearn", "scikit-learn"],
  ["skimage", "scikit-image"],
  ["yaml", "pyyaml"],
  ["dateutil", "python-dateutil"],
  ["dotenv", "python-dotenv"],
  ["Crypto", "pycryptodome"],
  ["serial", "pyserial"],
  ["jwt", "pyjwt"],
  ["git", "gitpython"],
  ["magic", "python-magic"],
  ["docx", "python-docx"],
  ["pptx", "python-pptx"],
  ["fitz", "pymupdf"],
  ["OpenSSL", "pyopenssl"],
  ["zmq", "pyzmq"],
  ["MySQLdb", "mysqlclient"],
  ["psycopg2", "psycopg2-binary"],
  ["attr", "attrs"],
  ["usb", "pyusb"],
  ["slugify", "python-slugify"],
  ["jose", "python-jose"],
  ["multipart", "python-multipart"],
  ["telegram", "python-telegram-bot"],
  ["win32api", "pywin32"],
]);

/** The name that a package is installed by. */
export function installedAs(ecosystem: Ecosystem, name: string): string {
  return ecosystem === "python" ? (INSTALLED_AS.get(name) ?? name) : name;
}

/** Names that mean one package have one such: of Python `-`, `_`, `.` and case count for nothing, of Rust `-` and `_` are one. */
export function comparable(ecosystem: Ecosystem, name: string): string {
  if (ecosystem === "python") return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
  return ecosystem === "rust" ? name.replaceAll("-", "_") : name;
}

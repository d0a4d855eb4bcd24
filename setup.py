"""Builds the fast engine: finds fastcore/*.pyx, chooses compiler flags, records what was built.

Environment variables:
DIPTYCH_MARCH=x86-64-v3   the processor to build for (default: native, the one that builds);
                          "none" leaves it to the compiler;
                          "levels" is for a wheel: on x86-64 the kernels are compiled for v2, v3
                          and v4, and the import takes the best of them; elsewhere as "none"
DIPTYCH_DEBUG=1           bounds checks and debug symbols, hardly any optimisation
DIPTYCH_NAMES=1           the names of functions stay in the modules, for profilers
DIPTYCH_NO_OPENMP=1       compiled code for one thread
DIPTYCH_NO_FASTCORE=1     no compiled code at all: the reference engine alone
Everything else (name, version, dependencies) stands in pyproject.toml.
"""

import copy
import gc
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
os.chdir(ROOT)  # setuptools wants paths relative to this file
# Translating makes millions of small objects, all for long: a fifth less time. The processes that
# translate import this file as well.
gc.set_threshold(100_000)

DEBUG = os.environ.get("DIPTYCH_DEBUG", "0") not in ("", "0")
NAMES = os.environ.get("DIPTYCH_NAMES", "0") not in ("", "0")
NO_FASTCORE = os.environ.get("DIPTYCH_NO_FASTCORE", "0") not in ("", "0")
NO_OPENMP = os.environ.get("DIPTYCH_NO_OPENMP", "0") not in ("", "0")
MARCH = os.environ.get("DIPTYCH_MARCH", "native")

# What the kernels are compiled for: name of the build -> processor, the best first. A single build
# has no name and stands beside its sources, each of several in fastcore/_levels/NAME.
if MARCH != "levels":
    BUILDS = {"": MARCH}
elif sysconfig.get_platform().endswith("x86_64"):  # not Windows: its compiler knows no levels
    BUILDS = {level: f"x86-64-{level}" for level in ("v4", "v3", "v2")}
else:
    BUILDS = {"": "none"}

# No arithmetic on data is in these: they are compiled once, without a processor flag. `cpu` must
# run anywhere, to choose a build or to say that none can run.
ANY_PROCESSOR = {"arrays", "cpu", "memory", "plan", "threads"}

# What Cython adds to every module (functions as Python has them, errors, keywords) can stand in one
# that all import: a wheel of three levels has it once instead of ninety times. From Cython 3.3 on.
SHARED = "diptych.fastcore._shared"

# Two kinds of build keep their generated files apart: Cython does not notice changed directives.
BUILD = Path("build") / ("debug" if DEBUG else "release")
RECORD = BUILD / "diptych_build.h"
TRANSLATED = BUILD / "translated"  # of what the C files are made
KERNELS = Path("fastcore/kernels")  # what the twins in fastcore/ share, their .pxd and .h files

# The one place for Cython directives: no .pyx has a header of its own (misspelt names there are
# silently ignored).
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,  # a negative index is a mistake here; the debug build reports it
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": True,  # x / 0 is inf or nan, as in NumPy
    "embedsignature": False,
}

OPTIMISED = [
    "-O3",
    "-g0",  # no debug symbols, and no tables for exceptions of C++: the wheel stays small
    "-fno-asynchronous-unwind-tables",
    "-fno-math-errno",  # sqrt and friends become one instruction: nobody reads errno
    "-fno-trapping-math",  # a branch may become a vector select: nobody reads floating-point flags
    "-ffp-contract=fast",  # a * b + c in one rounding where the processor has it
]
UNOPTIMISED = ["-O1", "-g", "-fno-omit-frame-pointer", "-ffp-contract=fast"]
# Every Cython module carries unused helpers; the warnings that remain are about our own code.
# Without AVX, GCC 12 takes registers of MMX for 64 bits and leaves them so, where long doubles lie.
ALWAYS = ["-fvisibility=hidden", "-mno-mmx", "-Wno-unused-function"]
MSVC = ["/O2", "/fp:precise"]

# Functions of the twins that Python calls: they check, allocate and choose, the time goes into the
# stages that they hand over. Compiled for size, with what only they call, they take a fifth less
# time to build and less room; so a loop over data belongs in a task.
GLUE = re.compile(r"^static (PyObject \*__pyx_p[wf]_)", re.M)

# Macro of the compiler -> name that __builtin_cpu_supports knows (see kernels/cpu.pyx). The rest
# (f16c, lzcnt, movbe, ...) came with AVX2 on every processor that has it.
FEATURES = {
    "__SSE3__": "sse3", "__SSSE3__": "ssse3", "__SSE4_1__": "sse4.1", "__SSE4_2__": "sse4.2",
    "__SSE4A__": "sse4a", "__POPCNT__": "popcnt",
    "__AVX__": "avx", "__FMA__": "fma", "__FMA4__": "fma4",
    "__XOP__": "xop", "__AVX2__": "avx2", "__BMI__": "bmi", "__BMI2__": "bmi2",
    "__AVX512F__": "avx512f", "__AVX512CD__": "avx512cd", "__AVX512BW__": "avx512bw",
    "__AVX512DQ__": "avx512dq", "__AVX512VL__": "avx512vl", "__AVX512IFMA__": "avx512ifma",
    "__AVX512VBMI__": "avx512vbmi", "__AVX512VBMI2__": "avx512vbmi2",
    "__AVX512VNNI__": "avx512vnni",
    "__AVX512BITALG__": "avx512bitalg", "__AVX512VPOPCNTDQ__": "avx512vpopcntdq",
}  # fmt: skip

NO_COMPILER = """
diptych needs a C compiler to build its fast engine, and {compiler} could not compile a program that
includes Python.h:

{reason}

Debian, Ubuntu:  apt-get install gcc python3-dev        Fedora:  dnf install gcc python3-devel
macOS:           xcode-select --install
Windows:         Visual Studio Build Tools, "Desktop development with C++"

To install without the fast engine, on purpose: DIPTYCH_NO_FASTCORE=1 pip install .
"""


ONE_THREAD = """
diptych: no OpenMP with this compiler, so the fast engine will run on one thread.
Debian, Ubuntu:  gcc brings it, clang needs libomp-dev        Fedora:  libomp-devel
macOS:           brew install libomp
"""


class BuildFastcore(build_ext):
    """build_ext with flags found by trial, and the record that the import reads."""

    def initialize_options(self):
        super().initialize_options()
        self.parallel = os.cpu_count() or 1

    def translate(self):
        """Turn every .pyx into C, once for all builds; return the C file of each."""
        from Cython.Build import cythonize

        # Cython finds a .pxd by the name of its folder: fastcore/ must look like diptych/fastcore/
        # for a cimport.
        root = BUILD / "pxd" / "diptych"
        mirror = root / KERNELS
        mirror.mkdir(parents=True, exist_ok=True)
        for package in (root, mirror.parent, mirror):
            (package / "__init__.pxd").touch()
        declared = {p.name: p for p in KERNELS.glob("*.pxd")}
        for stale in {p.name for p in mirror.glob("*.pxd")} - {*declared, "__init__.pxd"}:
            (mirror / stale).unlink()
        for name, pxd in declared.items():
            write_if_changed(mirror / name, pxd.read_text(encoding="utf-8"))
        sources = sorted({e.sources[0] for e in self.extensions})
        lines = {source: f"{translation_key(source)} {source}" for source in sources}
        there = (read(TRANSLATED) or "").splitlines()
        fresh = [s for s in sources if lines[s] in there and c_file_of(s).exists()]
        stale = [source for source in sources if source not in fresh]
        if stale:
            # Dates are no help: pip installs Cython anew for each build, so all would be stale, and
            # sources that were unpacked over others may be the older ones.
            TRANSLATED.write_text("\n".join(lines[s] for s in fresh), encoding="utf-8")
            cythonize(
                [Extension(module_name(source), [source]) for source in stale],
                include_path=[str(BUILD / "pxd")],
                build_dir=str(BUILD / "c"),
                compiler_directives=DIRECTIVES,
                nthreads=self.parallel,
                force=True,
                **sharing(),
            )
            for c_file in map(c_file_of, stale):
                if c_file.parent.name == "fastcore" and os.name != "nt":  # MSVC has no such word
                    text = c_file.read_text(encoding="utf-8")
                    write_if_changed(c_file, GLUE.sub(r"static __attribute__((cold)) \1", text))
            TRANSLATED.write_text("\n".join(lines.values()), encoding="utf-8")
        return {source: str(c_file_of(source)) for source in sources}

    def build_extensions(self):
        import numpy

        self.check_compiler()  # before the translation, which takes half a minute
        march = {name: self.march_flags(processor) for name, processor in BUILDS.items()}
        c_files = self.translate()
        flags, linked = self.choose_flags()
        threads, thread_flags, thread_libraries = self.thread_flags()
        features = {name: self.target_features(march[name]) for name in BUILDS}
        builds = [":".join([n, " ".join(march[n]), " ".join(features[n])]) for n in BUILDS]
        used = set().union(*features.values())
        each = " ".join(f'X("{name}")' for name in FEATURES.values() if name in used)
        BUILD.mkdir(parents=True, exist_ok=True)
        # Rewritten only when it differs, so a change of flags rebuilds everything and nothing else
        # does.
        write_if_changed(
            RECORD,
            f'#define DIPTYCH_BUILDS "{";".join(builds)}"\n'
            f'#define DIPTYCH_FLAGS "{" ".join(flags)}"\n'
            f'#define DIPTYCH_THREADS "{threads}"\n'
            f"#define DIPTYCH_DEBUG {int(DEBUG)}\n"
            f"/* with the headers of NumPy {numpy.__version__} */\n"
            f"#define DIPTYCH_EACH_FEATURE(X) {each}\n",
        )
        for extension in self.extensions:
            extension.sources = [c_files[extension.sources[0]]]
            extension.include_dirs += [numpy.get_include(), str(BUILD), str(KERNELS)]
            extension.define_macros += [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
            headers = named_in(Path(extension.sources[0]), ".h", '"{0.name}"')
            extension.depends += [str(RECORD), *map(str, headers)]
            extension.extra_compile_args += flags
            extension.extra_link_args += linked
            if extension.build is not None:
                extension.extra_compile_args += march[extension.build]
            if extension.name.endswith(".threads"):  # the one door to threads
                extension.extra_compile_args += thread_flags
                extension.extra_link_args += thread_libraries
        # The longest first: at the end no processor is left alone with it. A template of ours takes
        # as long as thirty times as much of Cython's.
        self.extensions.sort(
            key=lambda e: -size(e.sources[0]) - 30 * sum(size(header) for header in e.depends)
        )
        super().build_extensions()
        # Or a wheel would carry what an earlier build of another kind has left there.
        wanted = {Path(self.get_ext_fullpath(e.name)).resolve() for e in self.extensions}
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        for module in Path(self.build_lib, "diptych/fastcore").rglob(f"*{suffix}"):
            if module.resolve() not in wanted:
                module.unlink()

    def build_extension(self, extension):
        """Compile one; each build has its own folder of object files."""
        one = copy.copy(self)
        one.build_temp = str(Path(self.build_temp) / (extension.build or "one"))
        super(BuildFastcore, one).build_extension(extension)

    def copy_extensions_to_source(self):
        for build in BUILDS:
            for folder in (Path("fastcore"), KERNELS):
                Path(folder_of(build), *folder.parts[1:]).mkdir(parents=True, exist_ok=True)
        super().copy_extensions_to_source()

    def choose_flags(self):
        """(flags for every module, link flags)."""
        if self.compiler.compiler_type == "msvc":
            return (["/Od", "/Zi"] if DEBUG else MSVC), []
        flags = [f for f in (UNOPTIMISED if DEBUG else OPTIMISED) + ALWAYS if self.compiles([f])]
        return flags, [] if DEBUG or NAMES or sys.platform == "darwin" else ["-s"]

    def march_flags(self, processor):
        """The flags that choose a processor."""
        if processor == "none" or self.compiler.compiler_type == "msvc":
            return []
        # Clang on ARM knows -mcpu only.
        for flags in ([f"-march={processor}"], [f"-mcpu={processor}"]):
            if self.compiles(flags):
                return flags
        if processor == "native":
            return []
        sys.exit(f"DIPTYCH_MARCH={MARCH}: this compiler does not know the processor {processor}")

    def thread_flags(self):
        """(what threads are made of, compiler flags, link flags): OpenMP where there is one."""
        if NO_OPENMP:
            return "none", [], []
        if self.compiler.compiler_type == "msvc":
            return "OpenMP", ["/openmp"], []
        program = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
        # Apple's Clang knows the pragmas, and comes without the library.
        for flags, linked in (
            (["-fopenmp"], ["-fopenmp"]),
            (["-Xpreprocessor", "-fopenmp"], ["-lomp"]),
        ):
            if self.compiles(flags, program, link=linked):
                return "OpenMP", flags, linked
        print(ONE_THREAD)
        return "none", [], []

    def target_features(self, march):
        """The instruction sets that the compiler may use under `march`, as it says itself."""
        if self.compiler.compiler_type == "msvc":
            return []
        command = [*self.compiler.compiler, *march, "-dM", "-E", "-x", "c", os.devnull]
        answer = subprocess.run(command, capture_output=True, text=True)
        macros = {
            line.split()[1] for line in answer.stdout.splitlines() if line.startswith("#define ")
        }
        return [name for macro, name in FEATURES.items() if macro in macros]

    def check_compiler(self):
        program = "#include <Python.h>\nint main(void) { return 0; }\n"
        if not self.compiles([], program):
            name = getattr(self.compiler, "compiler", [self.compiler.compiler_type])[0]
            sys.exit(NO_COMPILER.format(compiler=name, reason=self.reason))

    def compiles(self, flags, program="int main(void) { return 0; }\n", link=None):
        """Whether a trial program compiles with these flags (and links, when `link` is given)."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "trial.c"
            source.write_text(program)
            command = getattr(self.compiler, "compiler_so", None)
            try:
                if command is None:  # MSVC: setuptools knows how to call it
                    self.compiler.compile(
                        [str(source)], output_dir=folder, include_dirs=self.include_dirs
                    )
                    return True
                includes = [f"-I{d}" for d in self.include_dirs]
                out = ["-o", str(Path(folder) / "trial")]
                tail = [*(link or []), *out] if link else ["-c", *out]
                strict = (
                    ["-Werror"] if flags else []
                )  # Clang only warns about flags that it does not know
                run = subprocess.run(
                    [*command, *includes, *flags, *strict, str(source), *tail],
                    capture_output=True,
                    text=True,
                )
            except Exception as error:  # whatever went wrong, there is no working compiler
                self.reason = str(error)
                return False
            self.reason = run.stderr.strip()
            return run.returncode == 0


def named_in(source, ending, mention):
    """Our own files with this ending that a source mentions, and those that they mention; `mention`
    is a regular expression with the file's path in it.
    """
    found, unread = set(), [source]
    while unread:
        text = unread.pop().read_text(encoding="utf-8")
        for path in KERNELS.glob(f"*{ending}"):
            if path not in found and re.search(mention.format(path), text):
                found.add(path)
                unread.append(path)
    return sorted(found)


def size(path):
    return Path(path).stat().st_size


def read(path):
    """The text of a file; None if there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else None


def write_if_changed(path, text):
    """Write `text` unless `path` holds it already: an untouched file is not compiled again."""
    if read(path) != text:
        path.write_text(text, encoding="utf-8")


def c_file_of(source):
    """Where Cython puts what it makes of a source."""
    return (BUILD / "c" / source).with_suffix(".c")


def translation_key(source):
    """All that the C file of a source depends on, as a short text."""
    import Cython
    import numpy

    source = Path(source)
    parts = [Cython.__version__, numpy.__version__, repr(DIRECTIVES), repr(sharing()), GLUE.pattern]
    for path in (source, source.with_suffix(".pxd")):
        if path.exists():
            parts.append(path.read_text(encoding="utf-8"))
            declared = named_in(path, ".pxd", r"\.{0.stem} cimport|cimport .*\b{0.stem}\b")
            parts += [one.read_text(encoding="utf-8") for one in declared]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def sharing():
    """Cython's options for the module SHARED; none where it does not know them."""
    try:
        from Cython.Compiler.Options import default_options
    except ImportError:  # something to say where Cython is needed, which may not come to that
        return {}
    if "shared_utility_features_disabled" not in default_options:
        return {}
    return {
        "shared_utility_qualified_name": SHARED,
        "shared_utility_features_disabled": ["MemoryView"],  # no module uses them
    }


def module_name(source):
    return ".".join(["diptych", *Path(source).with_suffix("").parts])


def folder_of(build):
    return Path("fastcore", "_levels", build) if build else Path("fastcore")


def extensions():
    """Every module once for each build, and once in all if it is for any processor."""
    if NO_FASTCORE:
        return []
    found = []
    for source in sorted(Path("fastcore").rglob("*.pyx")):
        for build in [None] if source.stem in ANY_PROCESSOR else BUILDS:
            place = Path(folder_of(build), *source.parts[1:])
            extension = Extension(module_name(place), [source.as_posix()])
            extension.build = build
            found.append(extension)
    if sharing():
        shared = Extension(SHARED, ["fastcore/_shared.c"])  # which Cython writes, to BUILD
        shared.build = None
        found.append(shared)
    return found


if __name__ == "__main__":  # the processes that translate import this file as well
    setup(
        packages=[
            *find_packages("src"),
            "diptych.reference",
            "diptych.fastcore",
            "diptych.fastcore.kernels",
        ],
        package_data={
            "": ["py.typed"],
            "diptych.datasets": ["data/*"],
            # The fast engine is there to be read as well.
            "diptych.fastcore": ["*.pyx"],
            "diptych.fastcore.kernels": ["*.pyx", "*.pxd", "*.h"],
        },
        include_package_data=False,
        ext_modules=extensions(),
        cmdclass={"build_ext": BuildFastcore},
    )

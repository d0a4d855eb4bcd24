/* Python under ThreadSanitizer, which has to be linked into the program itself. */
#include <Python.h>

int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }

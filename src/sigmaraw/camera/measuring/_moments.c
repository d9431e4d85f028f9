/* Moments of frames, compiled: what onepass.py and framesums.py do in NumPy, in one loop instead of twenty.

   Every float32 operation is the one that NumPy does, in the same order, so maps are equal bit for bit: the build forbids fused
   multiply-add (-ffp-contract=off). Sums over pixels are exact integers, or float64 whose order alone differs. The interpreter's
   lock is released; each call works on its rows alone. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* The loader picks the widest vectors of the processor where the platform can; elsewhere the plain build serves. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx2", "default")))
#else
#define WIDEST
#endif

enum { BLOCK = 256, MOST_PAIRS = 4, LANES = 8 };

/* Row, column and frame sums and extremes of rows first..last of one frame, four rows at once; columns is added to. */
#define FRAME_SUMS(NAME, TYPE, TOP)                                                                                             \
    WIDEST static void NAME(const TYPE *frame, Py_ssize_t width, Py_ssize_t first, Py_ssize_t last, uint32_t *restrict rows,    \
                            uint32_t *restrict columns, int64_t *low, int64_t *high)                                            \
    {                                                                                                                           \
        TYPE smallest = TOP, largest = 0;                                                                                       \
        Py_ssize_t y = first;                                                                                                   \
        for (; y + 4 <= last; y += 4) {                                                                                         \
            const TYPE *restrict a = frame + y * width, *restrict b = a + width, *restrict c = b + width, *restrict d = c + width; \
            uint32_t in_a = 0, in_b = 0, in_c = 0, in_d = 0;                                                                    \
            for (Py_ssize_t x = 0; x < 4 * width; x++) {                                                                        \
                TYPE value = a[x];                                                                                              \
                smallest = value < smallest ? value : smallest;                                                                 \
                largest = value > largest ? value : largest;                                                                    \
            }                                                                                                                   \
            for (Py_ssize_t x = 0; x < width; x++) {                                                                            \
                in_a += a[x];                                                                                                   \
                in_b += b[x];                                                                                                   \
                in_c += c[x];                                                                                                   \
                in_d += d[x];                                                                                                   \
                columns[x] += (uint32_t)a[x] + b[x] + c[x] + d[x];                                                              \
            }                                                                                                                   \
            rows[y] = in_a;                                                                                                     \
            rows[y + 1] = in_b;                                                                                                 \
            rows[y + 2] = in_c;                                                                                                 \
            rows[y + 3] = in_d;                                                                                                 \
        }                                                                                                                       \
        for (; y < last; y++) {                                                                                                 \
            const TYPE *restrict line = frame + y * width;                                                                      \
            uint32_t total = 0;                                                                                                 \
            for (Py_ssize_t x = 0; x < width; x++) {                                                                            \
                TYPE value = line[x];                                                                                           \
                smallest = value < smallest ? value : smallest;                                                                 \
                largest = value > largest ? value : largest;                                                                    \
                total += value;                                                                                                 \
                columns[x] += value;                                                                                            \
            }                                                                                                                   \
            rows[y] = total;                                                                                                    \
        }                                                                                                                       \
        *low = smallest;                                                                                                        \
        *high = largest;                                                                                                        \
    }

FRAME_SUMS(frame_sums_16, uint16_t, UINT16_MAX)
FRAME_SUMS(frame_sums_8, uint8_t, UINT8_MAX)

/* Adds v^2 and v^4 of a line to eight running sums each; compilers do not find the vectors in this loop by themselves. */
#if defined(__GNUC__)
typedef float Four __attribute__((vector_size(16)));
typedef double FourWide __attribute__((vector_size(32)));
static inline __attribute__((always_inline)) void add_powers(const float *values, int count, double *two, double *four)
{
    FourWide a, b, a4, b4;
    int x = 0;
    memcpy(&a, two, sizeof a);
    memcpy(&b, two + 4, sizeof b);
    memcpy(&a4, four, sizeof a4);
    memcpy(&b4, four + 4, sizeof b4);
    for (; x + LANES <= count; x += LANES) {
        Four low, high;
        memcpy(&low, values + x, sizeof low);
        memcpy(&high, values + x + 4, sizeof high);
        FourWide c = __builtin_convertvector(low, FourWide), d = __builtin_convertvector(high, FourWide);
        c *= c;
        d *= d;
        a += c;
        b += d;
        a4 += c * c;
        b4 += d * d;
    }
    memcpy(two, &a, sizeof a);
    memcpy(two + 4, &b, sizeof b);
    memcpy(four, &a4, sizeof a4);
    memcpy(four + 4, &b4, sizeof b4);
    for (; x < count; x++) {
        double square = (double)values[x] * (double)values[x];
        two[0] += square;
        four[0] += square * square;
    }
}
#else
static void add_powers(const float *values, int count, double *two, double *four)
{
    for (int x = 0; x < count; x++) {
        double square = (double)values[x] * (double)values[x];
        two[x % LANES] += square;
        four[x % LANES] += square * square;
    }
}
#endif

/* S = A + B - 2 x0 - (a + b) and D = A - B - (a - b) of up to four pairs: adds sum S and (sum S^2 + sum D^2)/2 to each pixel's sums,
   sum D^2 and sum D^4 over pixels to the pairs'. */
#define PAIR_SUMS(NAME, TYPE)                                                                                                   \
    WIDEST static void NAME(const TYPE *frames, const TYPE *reference, Py_ssize_t size, Py_ssize_t begin, Py_ssize_t end,       \
                            int pairs, const float *changes, float *restrict first, float *restrict second, double *squares,    \
                            double *fourths)                                                                                    \
    {                                                                                                                           \
        double two[MOST_PAIRS][LANES] = {{0.0}}, four[MOST_PAIRS][LANES] = {{0.0}};                                             \
        float sum[BLOCK], square[BLOCK], difference[MOST_PAIRS][BLOCK];                                                         \
        for (Py_ssize_t at = begin; at < end; at += BLOCK) {                                                                    \
            int count = (int)(end - at < BLOCK ? end - at : BLOCK);                                                             \
            const TYPE *restrict start = reference + at;                                                                        \
            for (int pair = 0; pair < pairs; pair++) {                                                                          \
                const TYPE *restrict a = frames + 2 * pair * size + at, *restrict b = a + size;                                 \
                float both = changes[2 * pair] + changes[2 * pair + 1], apart = changes[2 * pair] - changes[2 * pair + 1];      \
                float *restrict d = difference[pair];                                                                           \
                if (pair == 0)                                                                                                  \
                    for (int x = 0; x < count; x++) {                                                                           \
                        int one = a[x], other = b[x], from = start[x];                                                          \
                        float s = (float)(one + other - 2 * from) - both;                                                       \
                        d[x] = (float)(one - other) - apart;                                                                    \
                        sum[x] = s;                                                                                             \
                        square[x] = s * s;                                                                                      \
                    }                                                                                                           \
                else                                                                                                            \
                    for (int x = 0; x < count; x++) {                                                                           \
                        int one = a[x], other = b[x], from = start[x];                                                          \
                        float s = (float)(one + other - 2 * from) - both;                                                       \
                        d[x] = (float)(one - other) - apart;                                                                    \
                        sum[x] += s;                                                                                            \
                        square[x] += s * s;                                                                                     \
                    }                                                                                                           \
            }                                                                                                                   \
            for (int pair = 0; pair < pairs; pair++) {                                                                          \
                const float *restrict d = difference[pair];                                                                     \
                add_powers(d, count, two[pair], four[pair]);                                                                    \
                for (int x = 0; x < count; x++)                                                                                     \
                    square[x] += d[x] * d[x];                                                                                   \
            }                                                                                                                   \
            for (int x = 0; x < count; x++) {                                                                                   \
                first[at + x] += sum[x];                                                                                        \
                second[at + x] += 0.5f * square[x];                                                                             \
            }                                                                                                                   \
        }                                                                                                                       \
        for (int pair = 0; pair < pairs; pair++)                                                                                \
            for (int lane = 0; lane < LANES; lane++) {                                                                          \
                squares[pair] += two[pair][lane];                                                                               \
                fourths[pair] += four[pair][lane];                                                                              \
            }                                                                                                                   \
    }

PAIR_SUMS(pair_sums_16, uint16_t)
PAIR_SUMS(pair_sums_8, uint8_t)

/* Contiguous buffers, released together. */
typedef struct {
    Py_buffer view[8];
    int held;
} Buffers;

static void *take(Buffers *buffers, PyObject *array, int writable, Py_ssize_t bytes)
{
    Py_buffer *view = &buffers->view[buffers->held];
    if (PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0)) < 0)
        return NULL;
    buffers->held++;
    if (bytes >= 0 && view->len != bytes) {
        PyErr_Format(PyExc_ValueError, "an array of %zd bytes where %zd are needed", view->len, bytes);
        return NULL;
    }
    return view->buf;
}

static void release(Buffers *buffers)
{
    while (buffers->held)
        PyBuffer_Release(&buffers->view[--buffers->held]);
}

static PyObject *done(Buffers *buffers, int good)
{
    release(buffers);
    if (!good)
        return NULL;
    Py_RETURN_NONE;
}

static int fits(Py_ssize_t count, Py_ssize_t height, Py_ssize_t width, Py_ssize_t first, Py_ssize_t last, int item)
{
    if (count > 0 && height > 0 && width > 0 && width <= 65537 && first >= 0 && first < last && last <= height && (item == 1 || item == 2))
        return 1;
    PyErr_SetString(PyExc_ValueError, "rows outside of the frames, or values that are neither uint8 nor uint16");
    return 0;
}

static PyObject *frame_sums(PyObject *self, PyObject *args)
{
    PyObject *frames_, *rows_, *columns_, *low_, *high_;
    Py_ssize_t count, height, width, first, last;
    int item;
    Buffers held = {.held = 0};
    if (!PyArg_ParseTuple(args, "OnnninnOOOO", &frames_, &count, &height, &width, &item, &first, &last, &rows_, &columns_, &low_, &high_))
        return NULL;
    if (!fits(count, height, width, first, last, item))
        return NULL;
    const char *frames = take(&held, frames_, 0, count * height * width * item);
    uint32_t *rows = frames ? take(&held, rows_, 1, count * height * 4) : NULL;
    uint32_t *columns = rows ? take(&held, columns_, 1, count * width * 4) : NULL;
    int64_t *low = columns ? take(&held, low_, 1, count * 8) : NULL;
    int64_t *high = low ? take(&held, high_, 1, count * 8) : NULL;
    if (!high)
        return done(&held, 0);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t frame = 0; frame < count; frame++) {
        const char *from = frames + frame * height * width * item;
        memset(columns + frame * width, 0, (size_t)width * 4);
        if (item == 2)
            frame_sums_16((const uint16_t *)from, width, first, last, rows + frame * height, columns + frame * width, low + frame, high + frame);
        else
            frame_sums_8((const uint8_t *)from, width, first, last, rows + frame * height, columns + frame * width, low + frame, high + frame);
    }
    Py_END_ALLOW_THREADS
    return done(&held, 1);
}

static PyObject *pair_sums(PyObject *self, PyObject *args)
{
    PyObject *frames_, *reference_, *changes_, *first_, *second_, *squares_, *fourths_;
    Py_ssize_t count, height, width, first_row, last_row;
    int item;
    Buffers held = {.held = 0};
    if (!PyArg_ParseTuple(args, "OnnninnOOOOOO", &frames_, &count, &height, &width, &item, &first_row, &last_row, &reference_, &changes_,
                          &first_, &second_, &squares_, &fourths_))
        return NULL;
    if (!fits(count, height, width, first_row, last_row, item))
        return NULL;
    Py_ssize_t size = height * width, pairs = count / 2;
    const char *frames = take(&held, frames_, 0, count * size * item);
    const char *reference = frames ? take(&held, reference_, 0, size * item) : NULL;
    const float *changes = reference ? take(&held, changes_, 0, count * 4) : NULL;
    float *first = changes ? take(&held, first_, 1, size * 4) : NULL;
    float *second = first ? take(&held, second_, 1, size * 4) : NULL;
    double *squares = second ? take(&held, squares_, 1, pairs * 8) : NULL;
    double *fourths = squares ? take(&held, fourths_, 1, pairs * 8) : NULL;
    if (!fourths)
        return done(&held, 0);
    Py_ssize_t begin = first_row * width, end = last_row * width;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t pair = 0; pair < pairs; pair += MOST_PAIRS) {
        int some = (int)(pairs - pair < MOST_PAIRS ? pairs - pair : MOST_PAIRS);
        const char *from = frames + 2 * pair * size * item;
        squares[pair] = fourths[pair] = 0.0;
        for (int next = 1; next < some; next++)
            squares[pair + next] = fourths[pair + next] = 0.0;
        if (item == 2)
            pair_sums_16((const uint16_t *)from, (const uint16_t *)reference, size, begin, end, some, changes + 2 * pair, first, second,
                         squares + pair, fourths + pair);
        else
            pair_sums_8((const uint8_t *)from, (const uint8_t *)reference, size, begin, end, some, changes + 2 * pair, first, second,
                        squares + pair, fourths + pair);
    }
    Py_END_ALLOW_THREADS
    return done(&held, 1);
}

/* Adds to counts (one int64 a code) the values of every step-th row of each frame. */
static PyObject *count_codes(PyObject *self, PyObject *args)
{
    PyObject *frames_, *counts_;
    Py_ssize_t count, height, width, step;
    int item;
    Buffers held = {.held = 0};
    if (!PyArg_ParseTuple(args, "OnnninO", &frames_, &count, &height, &width, &item, &step, &counts_))
        return NULL;
    if (!fits(count, height, width, 0, height, item) || step < 1) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "steps of at least one row");
        return NULL;
    }
    const char *frames = take(&held, frames_, 0, count * height * width * item);
    int64_t *counts = frames ? take(&held, counts_, 1, (Py_ssize_t)8 << (8 * item)) : NULL;
    if (!counts)
        return done(&held, 0);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t frame = 0; frame < count; frame++)
        for (Py_ssize_t y = 0; y < height; y += step) {
            Py_ssize_t at = (frame * height + y) * width;
            if (item == 2)
                for (Py_ssize_t x = 0; x < width; x++)
                    counts[((const uint16_t *)frames)[at + x]]++;
            else
                for (Py_ssize_t x = 0; x < width; x++)
                    counts[((const uint8_t *)frames)[at + x]]++;
        }
    Py_END_ALLOW_THREADS
    return done(&held, 1);
}

static PyMethodDef methods[] = {
    {"frame_sums", frame_sums, METH_VARARGS, "frame_sums(frames, count, height, width, itemsize, first, last, rows, columns, low, high)"},
    {"pair_sums", pair_sums, METH_VARARGS,
     "pair_sums(frames, count, height, width, itemsize, first, last, reference, changes, sums, squares_of_sums, squares, fourths)"},
    {"count_codes", count_codes, METH_VARARGS, "count_codes(frames, count, height, width, itemsize, step, counts)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_moments", "Moments of frames, compiled.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__moments(void) { return PyModuleDef_Init(&module); }

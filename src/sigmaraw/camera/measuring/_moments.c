/* Moments of frames, compiled: what onepass.py, framesums.py and powersums.py do in NumPy, in one loop instead of twenty.

   Every operation on floating-point numbers is the one that NumPy does, in the same order, so both give the same to the last bit: the
   build forbids fused multiply-add (-ffp-contract=off). Nothing reads the processor's flags for invalid operations, so the compiler may
   turn conditions into vectors (-fno-trapping-math). The interpreter's lock is released; each call works on its rows alone. */

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
#if defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 4")
#else
#define ALWAYS_INLINE static inline
#define UNROLL
#endif

enum { BLOCK = 256, MOST_PAIRS = 4, LANES = 8, NUMPY_BLOCK = 128 };

#define LESS(a, b) ((a) < (b) ? (a) : (b))
#define MORE(a, b) ((a) > (b) ? (a) : (b))

/* Row, column and frame sums and extremes of rows first..last of one frame, four rows at once; columns is added to. */
#define FRAME_SUMS(NAME, TYPE, TOP)                                                                                             \
    WIDEST static void NAME(const TYPE *frame, Py_ssize_t width, Py_ssize_t first, Py_ssize_t last, uint32_t *restrict rows,    \
                            uint32_t *restrict columns, int64_t *low, int64_t *high)                                            \
    {                                                                                                                           \
        TYPE smallest = TOP, largest = 0;                                                                                       \
        Py_ssize_t y = first;                                                                                                   \
        for (; y + 4 <= last; y += 4) {                                                                                         \
            const TYPE *restrict a = frame + y * width, *restrict b = a + width, *restrict c = b + width;                       \
            const TYPE *restrict d = c + width;                                                                                 \
            uint32_t in_a = 0, in_b = 0, in_c = 0, in_d = 0;                                                                    \
            for (Py_ssize_t x = 0; x < width; x++) {                                                                            \
                TYPE least = LESS(LESS(a[x], b[x]), LESS(c[x], d[x])), most = MORE(MORE(a[x], b[x]), MORE(c[x], d[x]));         \
                smallest = LESS(least, smallest);                                                                               \
                largest = MORE(most, largest);                                                                                  \
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
                smallest = LESS(value, smallest);                                                                               \
                largest = MORE(value, largest);                                                                                 \
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

/* Sums over pixels are eight running sums, added up in the end: NumPy can follow that order, and does, to the last bit. Vectors are
   written out, because compilers do not find them in these loops by themselves. */
#if defined(__GNUC__)
typedef double Wide __attribute__((vector_size(32)));
#endif

/* Adds v^2 and v^4 of a line; what is left over eight goes to the first sums. */
ALWAYS_INLINE void add_powers(const float *values, int count, double *two, double *four)
{
    int x = 0;
#if defined(__GNUC__)
    Wide a, b, a4, b4;
    memcpy(&a, two, sizeof a);
    memcpy(&b, two + 4, sizeof b);
    memcpy(&a4, four, sizeof a4);
    memcpy(&b4, four + 4, sizeof b4);
    for (; x + LANES <= count; x += LANES) {
        const float *v = values + x;
        /* One instruction each; GCC makes four of __builtin_convertvector. */
        Wide c = {v[0], v[1], v[2], v[3]}, d = {v[4], v[5], v[6], v[7]};
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
#else
    for (; x < count - count % LANES; x++) {
        double square = (double)values[x] * (double)values[x];
        two[x % LANES] += square;
        four[x % LANES] += square * square;
    }
#endif
    for (; x < count; x++) {
        double square = (double)values[x] * (double)values[x];
        two[0] += square;
        four[0] += square * square;
    }
}

/* Adds `count` values, a multiple of LANES. */
ALWAYS_INLINE void add_lanes(const double *values, int count, double *sums)
{
#if defined(__GNUC__)
    Wide a, b;
    memcpy(&a, sums, sizeof a);
    memcpy(&b, sums + 4, sizeof b);
    for (int x = 0; x < count; x += LANES) {
        Wide c, d;
        memcpy(&c, values + x, sizeof c);
        memcpy(&d, values + x + 4, sizeof d);
        a += c;
        b += d;
    }
    memcpy(sums, &a, sizeof a);
    memcpy(sums + 4, &b, sizeof b);
#else
    for (int x = 0; x < count; x++)
        sums[x % LANES] += values[x];
#endif
}

/* S = A + B - 2 x0 - (a + b) and D = A - B - (a - b) of one block of `pairs` pairs (a constant where this is called, so that the loops
   over pairs unroll and sums stay in registers): adds sum S and (sum S^2 + sum D^2)/2 to each pixel's sums and gives the D. */
#define BLOCK_OF_PAIRS(NAME, TYPE)                                                                                              \
    ALWAYS_INLINE void NAME(const TYPE *frames, const TYPE *restrict reference, Py_ssize_t size, int count, const int pairs,    \
                            const float *both, const float *apart, float *restrict first, float *restrict second,               \
                            float (*restrict difference)[BLOCK])                                                                \
    {                                                                                                                           \
        for (int x = 0; x < count; x++) {                                                                                       \
            int from = 2 * reference[x];                                                                                        \
            float sum = 0.0f, square = 0.0f, d[MOST_PAIRS];                                                                     \
            UNROLL for (int pair = 0; pair < pairs; pair++)                                                                     \
            {                                                                                                                   \
                int one = frames[2 * pair * size + x], other = frames[(2 * pair + 1) * size + x];                               \
                float s = (float)(one + other - from) - both[pair];                                                             \
                d[pair] = (float)(one - other) - apart[pair];                                                                   \
                sum = pair ? sum + s : s;                                                                                       \
                square = pair ? square + s * s : s * s;                                                                         \
            }                                                                                                                   \
            UNROLL for (int pair = 0; pair < pairs; pair++)                                                                     \
            {                                                                                                                   \
                difference[pair][x] = d[pair];                                                                                  \
                square += d[pair] * d[pair];                                                                                    \
            }                                                                                                                   \
            first[x] += sum;                                                                                                    \
            second[x] += 0.5f * square;                                                                                         \
        }                                                                                                                       \
    }

BLOCK_OF_PAIRS(block_of_pairs_16, uint16_t)
BLOCK_OF_PAIRS(block_of_pairs_8, uint8_t)

/* Pixels begin..end of up to four pairs, block by block; adds sum D^2 and sum D^4 over pixels to the pairs'. */
#define PAIR_SUMS(NAME, TYPE, BLOCK_NAME)                                                                                       \
    WIDEST static void NAME(const TYPE *frames, const TYPE *reference, Py_ssize_t size, Py_ssize_t begin, Py_ssize_t end,       \
                            int pairs, const float *changes, float *first, float *second, double *squares, double *fourths)     \
    {                                                                                                                           \
        double two[MOST_PAIRS][LANES] = {{0.0}}, four[MOST_PAIRS][LANES] = {{0.0}};                                             \
        float difference[MOST_PAIRS][BLOCK], both[MOST_PAIRS], apart[MOST_PAIRS];                                               \
        for (int pair = 0; pair < pairs; pair++) {                                                                              \
            both[pair] = changes[2 * pair] + changes[2 * pair + 1];                                                             \
            apart[pair] = changes[2 * pair] - changes[2 * pair + 1];                                                            \
        }                                                                                                                       \
        for (Py_ssize_t at = begin; at < end; at += BLOCK) {                                                                    \
            int count = (int)(end - at < BLOCK ? end - at : BLOCK);                                                             \
            const TYPE *from = frames + at, *start = reference + at;                                                            \
            float *one = first + at, *other = second + at;                                                                      \
            switch (pairs) {                                                                                                    \
            case 1:                                                                                                             \
                BLOCK_NAME(from, start, size, count, 1, both, apart, one, other, difference);                                   \
                break;                                                                                                          \
            case 2:                                                                                                             \
                BLOCK_NAME(from, start, size, count, 2, both, apart, one, other, difference);                                   \
                break;                                                                                                          \
            case 3:                                                                                                             \
                BLOCK_NAME(from, start, size, count, 3, both, apart, one, other, difference);                                   \
                break;                                                                                                          \
            default:                                                                                                            \
                BLOCK_NAME(from, start, size, count, MOST_PAIRS, both, apart, one, other, difference);                          \
            }                                                                                                                   \
            for (int pair = 0; pair < pairs; pair++)                                                                            \
                add_powers(difference[pair], count, two[pair], four[pair]);                                                     \
        }                                                                                                                       \
        for (int pair = 0; pair < pairs; pair++)                                                                                \
            for (int lane = 0; lane < LANES; lane++) {                                                                          \
                squares[pair] += two[pair][lane];                                                                               \
                fourths[pair] += four[pair][lane];                                                                              \
            }                                                                                                                   \
    }

PAIR_SUMS(pair_sums_16, uint16_t, block_of_pairs_16)
PAIR_SUMS(pair_sums_8, uint8_t, block_of_pairs_8)

/* The sum of at most NUMPY_BLOCK values in the order of NumPy's: eight running sums, and then the rest. */
ALWAYS_INLINE double sum_of_block(const double *values, int count)
{
    double lanes[LANES] = {0.0};
    int whole = count - count % LANES;
    add_lanes(values, whole, lanes);
    double total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    for (int x = whole; x < count; x++)
        total += values[x];
    return total;
}

/* What is asked of the variances of pixels, max(((sum e)^2/-n + sum e^2) * scale, 0): their sum, and the sum of how far those above
   `limit` are above `median`. */
typedef struct {
    double frames, scale, median, limit;
} Asked;
typedef struct {
    double total, excess;
} Variances;

WIDEST static void variances_of_block(const float *restrict first, const float *restrict second, int count, Asked asked, Variances *found)
{
    double variance[NUMPY_BLOCK], excess[NUMPY_BLOCK];
    for (int x = 0; x < count; x++) {
        double sum = first[x], value = (sum * sum / -asked.frames + second[x]) * asked.scale;
        value = value > 0.0 ? value : 0.0;
        variance[x] = value;
        excess[x] = value > asked.limit ? value - asked.median : 0.0;
    }
    found->total = sum_of_block(variance, count);
    found->excess = sum_of_block(excess, count);
}

/* Of any number of pixels: halves of halves, added in the order of NumPy's sum, so that both are the same to the last bit. */
static Variances variances_of(const float *first, const float *second, Py_ssize_t count, Asked asked)
{
    Variances found;
    if (count <= NUMPY_BLOCK) {
        variances_of_block(first, second, (int)count, asked, &found);
        return found;
    }
    Py_ssize_t half = count / 2 - count / 2 % LANES;
    found = variances_of(first, second, half, asked);
    Variances other = variances_of(first + half, second + half, count - half, asked);
    found.total += other.total;
    found.excess += other.excess;
    return found;
}

/* NumPy's sum of float32, as `variances_of` for float64. */
static float sum_of_line(const float *values, Py_ssize_t count)
{
    if (count > NUMPY_BLOCK) {
        Py_ssize_t half = count / 2 - count / 2 % LANES;
        float sum = sum_of_line(values, half);
        return sum + sum_of_line(values + half, count - half);
    }
    float r[LANES] = {0.0f};
    Py_ssize_t whole = count - count % LANES;
    for (Py_ssize_t x = 0; x < whole; x += LANES)
        for (int lane = 0; lane < LANES; lane++)
            r[lane] += values[x + lane];
    float sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (Py_ssize_t x = whole; x < count; x++)
        sum += values[x];
    return sum;
}

/* A - B of a region of `rows` lines of `columns` values, `width` apart, and the sums over its columns. */
#define DIFFERENCES(NAME, TYPE)                                                                                                 \
    WIDEST static void NAME(const TYPE *a, const TYPE *b, Py_ssize_t width, Py_ssize_t rows, Py_ssize_t columns,                \
                            float *restrict out, float *restrict sums)                                                          \
    {                                                                                                                           \
        memset(sums, 0, (size_t)columns * sizeof *sums);                                                                        \
        for (Py_ssize_t y = 0; y < rows; y++, a += width, b += width, out += columns)                                           \
            for (Py_ssize_t x = 0; x < columns; x++) {                                                                          \
                out[x] = (float)((int)a[x] - (int)b[x]);                                                                        \
                sums[x] += out[x];                                                                                              \
            }                                                                                                                   \
    }

DIFFERENCES(differences_16, uint16_t)
DIFFERENCES(differences_8, uint8_t)

/* Takes off the means of the columns, whose sums are given, and then those of the rows. */
WIDEST static void centre(float *restrict values, Py_ssize_t rows, Py_ssize_t columns, float *restrict sums)
{
    for (Py_ssize_t x = 0; x < columns; x++)
        sums[x] = (float)((double)sums[x] / (double)rows);
    for (Py_ssize_t y = 0; y < rows; y++, values += columns) {
        for (Py_ssize_t x = 0; x < columns; x++)
            values[x] -= sums[x];
        float mean = (float)((double)sum_of_line(values, columns) / (double)columns);
        for (Py_ssize_t x = 0; x < columns; x++)
            values[x] -= mean;
    }
}

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

/* Returns, of the pixels begin..end of a map, the sum of their variances and of how far those above `limit` are above `median`. */
static PyObject *variance_sums(PyObject *self, PyObject *args)
{
    PyObject *first_, *second_;
    Py_ssize_t pixels, begin, end;
    Asked asked;
    Buffers held = {.held = 0};
    if (!PyArg_ParseTuple(args, "OOnnndddd", &first_, &second_, &pixels, &begin, &end, &asked.frames, &asked.scale, &asked.median,
                          &asked.limit))
        return NULL;
    if (begin < 0 || begin >= end || end > pixels || pixels > PY_SSIZE_T_MAX / 4) {
        PyErr_SetString(PyExc_ValueError, "pixels outside of the map");
        return NULL;
    }
    const float *first = take(&held, first_, 0, pixels * 4);
    const float *second = first ? take(&held, second_, 0, pixels * 4) : NULL;
    if (!second)
        return done(&held, 0);
    Variances found;
    Py_BEGIN_ALLOW_THREADS
    found = variances_of(first + begin, second + begin, end - begin, asked);
    Py_END_ALLOW_THREADS
    release(&held);
    return Py_BuildValue("dd", found.total, found.excess);
}

/* Fills out, (rows, columns) float32, with A - B of a region of frames `first` and first + 1 that begins at (y, x), without the means of
   its columns and rows; `sums` is memory for one row. */
static PyObject *pair_difference(PyObject *self, PyObject *args)
{
    PyObject *frames_, *out_, *sums_;
    Py_ssize_t count, height, width, first, y, x, rows, columns;
    int item;
    Buffers held = {.held = 0};
    if (!PyArg_ParseTuple(args, "OnnninnnnnOO", &frames_, &count, &height, &width, &item, &first, &y, &x, &rows, &columns, &out_, &sums_))
        return NULL;
    if (!fits(count, height, width, 0, height, item))
        return NULL;
    if (first < 0 || first > count - 2 || y < 0 || x < 0 || rows < 1 || columns < 1 || rows > height - y || columns > width - x) {
        PyErr_SetString(PyExc_ValueError, "a region outside of the frames");
        return NULL;
    }
    const char *frames = take(&held, frames_, 0, count * height * width * item);
    float *out = frames ? take(&held, out_, 1, rows * columns * 4) : NULL;
    float *sums = out ? take(&held, sums_, 1, columns * 4) : NULL;
    if (!sums)
        return done(&held, 0);
    const char *a = frames + ((first * height + y) * width + x) * item, *b = a + height * width * item;
    Py_BEGIN_ALLOW_THREADS
    if (item == 2)
        differences_16((const uint16_t *)a, (const uint16_t *)b, width, rows, columns, out, sums);
    else
        differences_8((const uint8_t *)a, (const uint8_t *)b, width, rows, columns, out, sums);
    centre(out, rows, columns, sums);
    Py_END_ALLOW_THREADS
    return done(&held, 1);
}

static PyMethodDef methods[] = {
    {"frame_sums", frame_sums, METH_VARARGS, "frame_sums(frames, count, height, width, itemsize, first, last, rows, columns, low, high)"},
    {"pair_sums", pair_sums, METH_VARARGS,
     "pair_sums(frames, count, height, width, itemsize, first, last, reference, changes, sums, squares_of_sums, squares, fourths)"},
    {"count_codes", count_codes, METH_VARARGS, "count_codes(frames, count, height, width, itemsize, step, counts)"},
    {"pair_difference", pair_difference, METH_VARARGS,
     "pair_difference(frames, count, height, width, itemsize, first, y, x, rows, columns, out, sums)"},
    {"variance_sums", variance_sums, METH_VARARGS,
     "variance_sums(sums, sums_of_squares, pixels, begin, end, frames, scale, median, limit) -> total, excess"},
    {NULL, NULL, 0, NULL},
};

/* kernels.py leaves alone what was built from another version of this file: raise both numbers when a function changes. */
static int add_version(PyObject *module) { return PyModule_AddIntConstant(module, "VERSION", 3); }

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_version}, {0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_moments", "Moments of frames, compiled.", 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__moments(void) { return PyModuleDef_Init(&module); }

/* Buffers as text, in the forms of sysdig's -x, -X, -A and -b. */
#include "mews/event.h"

#define ROW    16u
#define CHUNKS (ROW / 2)

static void hex_row(struct span s, size_t at, bool ascii, struct buf *out)
{
    size_t n = MIN_OF(s.n - at, (size_t)ROW), chunks = 0;

    buf_addf(out, "\n\t0x%.4zx:", at);
    for (size_t i = 0; i < n; i += 2, chunks++) {
        buf_addf(out, " %.2x", (unsigned char)s.p[at + i]);
        if (i + 1 < n)
            buf_addf(out, "%.2x", (unsigned char)s.p[at + i + 1]);
    }
    if (!ascii)
        return;
    for (; chunks < CHUNKS; chunks++)
        buf_adds(out, "     ");
    buf_adds(out, "  ");
    buf_add_printable(out, (struct span){s.p + at, n});
}

void bytes_text(struct span s, enum bytes_form form, struct buf *out)
{
    switch (form) {
    case BYTES_HEX:
    case BYTES_HEX_ASCII:
        for (size_t at = 0; at < s.n; at += ROW)
            hex_row(s, at, form == BYTES_HEX_ASCII, out);
        buf_addc(out, '\n');
        break;
    case BYTES_ASCII:
        buf_addc(out, '\n');
        for (size_t i = 0; i < s.n; i++) {
            bool pair = s.p[i] == '\n' && i && s.p[i - 1] == '\r'; /* one end of line */

            if (s.p[i] >= 0x20 && s.p[i] < 0x7f)
                buf_addc(out, s.p[i]);
            else if (s.p[i] == '\r' || (s.p[i] == '\n' && !pair))
                buf_addc(out, '\n');
        }
        break;
    case BYTES_BASE64:
        base64_encode(out, s.p, s.n);
        break;
    default:
        buf_add_printable(out, s);
    }
}

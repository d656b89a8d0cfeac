#include "CPictures.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf place;
    char *message;
};

static void fail(j_common_ptr state) {
    struct failure *failure = (struct failure *)state->err;
    char text[JMSG_LENGTH_MAX];
    state->err->format_message(state, text);
    snprintf(failure->message, CPICTURES_MESSAGE_SIZE, "%s", text);
    longjmp(failure->place, 1);
}

// Warnings are of damaged data: a picture that is only half there is none. Traces, of level 0 and above, are not.
static void warn(j_common_ptr state, int level) {
    if (level < 0) fail(state);
}

static void ignore(j_common_ptr state) { (void)state; }

static int read_jpeg(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height, uint8_t *pixels, size_t size, char *message) {
    struct jpeg_decompress_struct state;
    struct failure failure = {.message = message};
    state.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail;
    failure.manager.emit_message = warn;
    failure.manager.output_message = ignore;
    if (setjmp(failure.place)) {
        jpeg_destroy_decompress(&state);
        return 1;
    }
    jpeg_create_decompress(&state);
    jpeg_mem_src(&state, bytes, count);
    jpeg_read_header(&state, TRUE);
    *width = state.image_width;
    *height = state.image_height;
    if (state.num_components == 4) {
        snprintf(message, CPICTURES_MESSAGE_SIZE, "its colours are those of printing (CMYK); save it as RGB");
        jpeg_destroy_decompress(&state);
        return 1;
    }
    if (pixels) {
        state.out_color_space = JCS_RGB;
        jpeg_start_decompress(&state);
        size_t row_size = (size_t)state.output_width * 3;
        if (state.output_components != 3 || row_size * state.output_height != size) {
            snprintf(message, CPICTURES_MESSAGE_SIZE, "the size changed while it was read");
            jpeg_destroy_decompress(&state);
            return 1;
        }
        while (state.output_scanline < state.output_height) {
            JSAMPROW row = pixels + row_size * state.output_scanline;
            jpeg_read_scanlines(&state, &row, 1);
        }
        jpeg_finish_decompress(&state);
    }
    jpeg_destroy_decompress(&state);
    return 0;
}

int cpictures_jpeg_size(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height, char *message) {
    return read_jpeg(bytes, count, width, height, NULL, 0, message);
}

int cpictures_jpeg_read(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t size, char *message) {
    uint32_t width, height;
    return read_jpeg(bytes, count, &width, &height, pixels, size, message);
}

#include "CPictures.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(char *message, const char *text) { snprintf(message, CPICTURES_MESSAGE_SIZE, "%s", text); }

int cpictures_png_size(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height, char *message) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, bytes, count)) {
        say(message, image.message);
        return 1;
    }
    *width = image.width;
    *height = image.height;
    png_image_free(&image);
    return 0;
}

int cpictures_png_read(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t size, char *message) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, bytes, count)) {
        say(message, image.message);
        return 1;
    }
    // Pictures of 16 bits that say nothing of it are in the same colour space as those of 8.
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    image.format = PNG_FORMAT_RGBA;
    if (PNG_IMAGE_SIZE(image) != size) {
        png_image_free(&image);
        say(message, "the size changed while it was read");
        return 1;
    }
    // Warnings are of what does not keep the picture from being read.
    if (!png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
        say(message, image.message);
        png_image_free(&image);
        return 1;
    }
    return 0;
}

struct output {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
};

static void append(png_structp png, png_bytep bytes, size_t count) {
    struct output *output = png_get_io_ptr(png);
    if (output->capacity - output->count < count) {
        size_t capacity = (output->capacity + count) * 2;
        uint8_t *grown = realloc(output->bytes, capacity);
        if (!grown) png_error(png, "out of memory");
        output->bytes = grown;
        output->capacity = capacity;
    }
    memcpy(output->bytes + output->count, bytes, count);
    output->count += count;
}

static void flush(png_structp png) { (void)png; }

struct failure {
    jmp_buf place;
    char *message;
};

static void fail(png_structp png, png_const_charp text) {
    struct failure *failure = png_get_error_ptr(png);
    say(failure->message, text);
    longjmp(failure->place, 1);
}

static void warn(png_structp png, png_const_charp text) { fail(png, text); }

int cpictures_png_write(uint32_t width, uint32_t height, const uint8_t *pixels, const cpictures_text *texts, int text_count,
                        uint8_t **result, size_t *result_size, char *message) {
    // What changes between the jump's place and the jump lives outside registers.
    struct output output = {0};
    struct failure failure = {.message = message};
    png_structp volatile png = NULL;
    png_infop volatile info = NULL;
    png_textp chunks = calloc(text_count > 0 ? (size_t)text_count : 1, sizeof(png_text));
    if (!chunks) {
        say(message, "out of memory");
        return 1;
    }
    if (setjmp(failure.place)) {
        png_structp open = png;
        png_infop described = info;
        png_destroy_write_struct(&open, &described);
        free(output.bytes);
        free(chunks);
        return 1;
    }
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &failure, fail, warn);
    if (!png) {
        say(message, "libpng is of another version than its header");
        free(chunks);
        return 1;
    }
    info = png_create_info_struct(png);
    if (!info) fail(png, "out of memory");
    png_set_write_fn(png, &output, append, flush);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (int index = 0; index < text_count; index++) {
        chunks[index].key = (png_charp)texts[index].keyword;
        chunks[index].text = (png_charp)texts[index].text;
        if (texts[index].is_utf8) {
            chunks[index].compression = PNG_ITXT_COMPRESSION_NONE;
            chunks[index].itxt_length = strlen(texts[index].text);
        } else {
            chunks[index].compression = PNG_TEXT_COMPRESSION_NONE;
            chunks[index].text_length = strlen(texts[index].text);
        }
    }
    png_set_text(png, info, chunks, text_count);
    png_write_info(png, info);
    for (uint32_t row = 0; row < height; row++) png_write_row(png, pixels + (size_t)row * width * 3);
    png_write_end(png, info);
    png_structp open = png;
    png_infop described = info;
    png_destroy_write_struct(&open, &described);
    free(chunks);
    *result = output.bytes;
    *result_size = output.count;
    return 0;
}

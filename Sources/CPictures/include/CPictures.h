// libpng and libjpeg behind functions that return: both report errors by long jumps, which Swift must not see.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CPICTURES_MESSAGE_SIZE = 256 };

// Each returns 0 for success. Otherwise `message`, of CPICTURES_MESSAGE_SIZE bytes, says what is wrong.

// The size of a PNG or JPEG picture in memory, from its header.
int cpictures_png_size(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height, char *message);
int cpictures_jpeg_size(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height, char *message);

// Decodes a PNG of any kind to width * height * 4 bytes: red, green, blue, and alpha that the others are not multiplied by.
int cpictures_png_read(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t size, char *message);

// Decodes a JPEG to width * height * 3 bytes: red, green, blue.
int cpictures_jpeg_read(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t size, char *message);

// A text of a PNG: Latin-1 without `is_utf8` (tEXt), else UTF-8 (iTXt).
typedef struct {
    const char *keyword;
    const char *text;
    int is_utf8;
} cpictures_text;

// Encodes width * height * 3 bytes. `*result` is to be freed with free().
int cpictures_png_write(uint32_t width, uint32_t height, const uint8_t *pixels, const cpictures_text *texts, int text_count,
                        uint8_t **result, size_t *result_size, char *message);

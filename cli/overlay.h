/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Overlays: files that take what a guest writes, over an image that stays as it is.
 *
 * An overlay is of use only with the base that it was made for: if that is changed, what
 * the guest reads is a mixture of two disks. So size and time of change of the base, and of
 * its bases, are written down beside the overlay, in OVERLAY.base, when it is made; and
 * compared each time. Who knows better removes that file.
 */
#ifndef R3_OVERLAY_H
#define R3_OVERLAY_H

#include "qimage.h"

/* Over an image that was opened to be read: an overlay in a file without a name. Takes @fd. */
int overlay_ephemeral(struct qimage *img, int fd, struct r3_err *err);

/*
 * The same in a file that is kept, and made if there is none. img is what the base is made
 * of, and with the overlay in front afterwards.
 */
int overlay_kept(struct qimage *img, const char *path, struct r3_err *err);

/* Makes the file of an overlay over img; size 0: as large as that. */
int overlay_make(const struct qimage *img, const char *path, uint64_t size, struct r3_err *err);

/* Are the bases of an opened overlay as they were, if that is written down? -ESTALE with err set. */
int overlay_check_base(const struct qimage *img, struct r3_err *err);

/* Writes down how they are now, because a change was meant. */
int overlay_note_base(const struct qimage *img, struct r3_err *err);

#endif

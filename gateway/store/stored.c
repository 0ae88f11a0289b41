/* Takes a row out of SQLite's hands. Must never hand on a blob that did not pass its check. */
#include "stored.h"

#include "record_columns.h"

static int
read_blob(sqlite3_stmt *statement, int at, struct slice *blob)
{
    size_t size = (size_t)sqlite3_column_bytes(statement, at);
    *blob = SLICE_NONE;
    if (size == 0)
        return SQLITE_OK;
    *blob = slice_copy(sqlite3_column_blob(statement, at), size);
    return blob->data ? SQLITE_OK : SQLITE_NOMEM;
}

int
stored_read(sqlite3_stmt *statement, struct stored *row)
{
    *row = (struct stored){0};
    int rc = record_read(statement, &row->record) < 0 ? SQLITE_CORRUPT : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = read_blob(statement, record_column_count, &row->body);
    if (rc == SQLITE_OK)
        rc = read_blob(statement, record_column_count + 1, &row->answer);
    if (rc != SQLITE_OK)
        stored_release(row);
    return rc;
}

void
stored_release(struct stored *row)
{
    slice_release(&row->body);
    slice_release(&row->answer);
}

static int
decrypt(struct slice *blob, struct body_cipher *cipher, const struct exchange_key *key, enum blob_part part)
{
    if (blob->size == 0)
        return 0;
    if (blob->size < BODY_CIPHER_OVERHEAD)
        return -1;
    struct buffer *buffer = buffer_create(blob->size - BODY_CIPHER_OVERHEAD);
    if (!buffer)
        return -1;
    if (body_cipher_open(cipher, key, part, blob->data, blob->size, buffer_data(buffer)) < 0) {
        buffer_release(buffer);
        return -1;
    }
    slice_release(blob);
    *blob = slice_of(buffer);
    return 0;
}

int
stored_decrypt(struct stored *row, struct body_cipher *cipher)
{
    if (!cipher)
        return 0;
    struct exchange_key key = exchange_key_of(&row->record);
    if (decrypt(&row->body, cipher, &key, BLOB_BODY) == 0 &&
        decrypt(&row->answer, cipher, &key, BLOB_ANSWER) == 0)
        return 0;
    stored_release(row);
    return -1;
}

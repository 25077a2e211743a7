package argoapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// body reads the body into v. No body leaves v as it is. A field that v has not got is
// refused: what it asks for would not be done.
func (c *call) body(v any) error {
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			return err
		}
		return invalid("the body ends too early: send all of it")
	}
	return decode(raw, v)
}

func decode(raw []byte, v any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, after := d.Token(); !errors.Is(after, io.EOF) {
			return invalid("the body goes on after its value: send one value")
		}
		return nil
	}
	var kind *json.UnmarshalTypeError
	var own refusal
	switch field, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); {
	case unknown:
		return invalid("field %.80s: it is not supported here, so that nothing was done", field)
	case errors.As(err, &kind):
		return invalid("field %.80q: a JSON %s is not what it takes", kind.Field, kind.Value)
	case errors.As(err, &own):
		return own
	}
	return invalid("the body is no JSON: send an object")
}

// whole is a whole number, which clients of protocol buffers write as a text too.
type whole int64

// UnmarshalJSON reads a number, or one in quotes.
func (w *whole) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return invalid("%.40s is no whole number", text)
	}
	*w = whole(n)
	return nil
}

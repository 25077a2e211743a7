package worker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// kind says what a frame holds.
type kind byte

const (
	kindSetup   kind = iota // to the worker, once: child.Setup
	kindHello               // from it, once: child.Hello
	kindTask                // to the worker: task
	kindBegun               // from it: it has the task, and what becomes of it now is the task's
	kindAsk                 // from it: question, which is answered
	kindNote                // from it: question, to be noted and not answered
	kindAnswer              // to it: answer
	kindObjects             // from it: []object
	kindResult              // from it, the end of a task: result
)

// headerSize is that of a frame's length and kind.
const headerSize = 5

// writeFrame writes a frame in one go.
func writeFrame(w io.Writer, k kind, v any) error {
	b := appendFrame(k, v)
	if uint64(len(b)-headerSize) > maxFrame {
		return fmt.Errorf("a message of %d bytes is too big", len(b))
	}
	_, err := w.Write(b)
	return err
}

// maxFrame is what fits into a frame's length.
const maxFrame = 1<<32 - 1

func appendFrame(k kind, v any) []byte {
	b := make([]byte, headerSize, 256)
	b = append(b, encode(v)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-headerSize))
	b[4] = byte(k)
	return b
}

// readFrame reads a frame of at most as many bytes as most says for its kind;
// a negative number refuses the kind. Memory is taken as bytes arrive.
func readFrame(r *bufio.Reader, most func(kind) int64) (kind, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	k, size := kind(header[4]), int64(binary.BigEndian.Uint32(header[:]))
	limit := most(k)
	if limit < 0 {
		return k, nil, &protocolError{fmt.Sprintf("a message of the kind %d is not expected", k)}
	}
	if size > limit {
		return k, nil, &tooBig{k, limit}
	}
	const atOnce = 1 << 20
	if size <= atOnce {
		data := make([]byte, size)
		_, err := io.ReadFull(r, data)
		return k, data, err
	}
	var data bytes.Buffer
	_, err := io.CopyN(&data, r, size)
	return k, data.Bytes(), err
}

// protocolError is something that no worker in its right mind sends.
type protocolError struct{ text string }

func (e *protocolError) Error() string { return e.text }

// tooBig is a message beyond its limit.
type tooBig struct {
	kind  kind
	limit int64
}

func (e *tooBig) Error() string {
	return fmt.Sprintf("a message of the kind %d has more than %d bytes", e.kind, e.limit)
}

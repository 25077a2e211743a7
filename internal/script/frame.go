package script

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// kind says what a frame holds.
type kind byte

const (
	kindSetup    kind = iota // to the worker, once: child.Setup
	kindHello                // from it, once: child.Hello
	kindQuestion             // to it: question
	kindObject               // to it, after a question: the object that it is about
	kindBegun                // from it: it has the question, and what becomes of it now is the script's
	kindAnswer               // from it: answer
)

// headerSize is that of a frame's length and kind.
const headerSize = 5

// maxFrame bounds every frame: no object of a cluster comes near it.
const maxFrame = 16 << 20

func writeFrame(w io.Writer, k kind, data []byte) error {
	if len(data) > maxFrame {
		return fmt.Errorf("a message of %d MiB is too big", len(data)>>20)
	}
	b := make([]byte, headerSize, headerSize+len(data))
	binary.BigEndian.PutUint32(b, uint32(len(data)))
	b[4] = byte(k)
	_, err := w.Write(append(b, data...))
	return err
}

func writeValue(w io.Writer, k kind, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, k, data)
}

// protocolError is something that no worker in its right mind sends.
type protocolError struct{ text string }

func (e *protocolError) Error() string { return e.text }

// readFrame reads a frame of that kind. Memory is taken as bytes arrive.
func readFrame(r *bufio.Reader, want kind) ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(header[:]))
	if kind(header[4]) != want || size > maxFrame {
		return nil, &protocolError{fmt.Sprintf("a message of the kind %d with %d bytes is not expected", header[4], size)}
	}
	var data bytes.Buffer
	_, err := io.CopyN(&data, r, size)
	return data.Bytes(), err
}

func readValue(r *bufio.Reader, k kind, into any) error {
	data, err := readFrame(r, k)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return &protocolError{"a message is malformed"}
	}
	return nil
}

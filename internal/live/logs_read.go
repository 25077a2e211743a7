package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// maxLine is how many bytes of a line are shown.
const maxLine = 64 << 10

// openLog asks for the log of a container, with times.
func (c *Cluster) openLog(ctx context.Context, of containerID, q view.LogQuery, since time.Time) (io.ReadCloser, error) {
	if err := checkNames(of.namespace, of.pod, of.name); err != nil {
		return nil, err
	}
	r := c.plain.Get().AbsPath("/api/v1/namespaces/"+of.namespace+"/pods/"+of.pod+"/log").
		Param("container", of.name).Param("timestamps", "true").SetHeader("Accept", "*/*")
	switch {
	case q.Previous:
		r.Param("previous", "true")
	case q.Follow:
		r.Param("follow", "true")
	}
	if q.Tail == 0 {
		r.Param("tailLines", strconv.Itoa(defaultTail))
	} else if q.Tail > 0 {
		r.Param("tailLines", strconv.Itoa(q.Tail))
	}
	if !since.IsZero() {
		r.Param("sinceTime", since.UTC().Format(time.RFC3339))
	}
	return r.Stream(ctx)
}

// readLines calls each with the lines of r, without their ends. Of a line that is too
// long it gives the beginning, with a mark.
func readLines(r io.Reader, each func(string) error) error {
	in := bufio.NewReaderSize(r, 32<<10)
	for {
		line, cut, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 0 || err == nil {
			text := strings.ToValidUTF8(strings.TrimSuffix(string(line), "\r"), "\uFFFD")
			if cut > 0 {
				text += fmt.Sprintf(" … (%d bytes more)", cut)
			}
			if err := each(text); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads to the end of a line; cut is how many bytes of it are left out.
func readLine(in *bufio.Reader) (line []byte, cut int, err error) {
	for {
		part, err := in.ReadSlice('\n')
		ended := err == nil
		if ended {
			part = part[:len(part)-1]
		}
		room := min(len(part), maxLine-len(line))
		line = append(line, part[:room]...)
		cut += len(part) - room
		if ended || !errors.Is(err, bufio.ErrBufferFull) {
			return line, cut, err
		}
	}
}

// timed splits a line of a log from its time; zero if it bears none.
func timed(line string) (time.Time, string) {
	stamp, text, _ := strings.Cut(line, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, line
	}
	return at, text
}

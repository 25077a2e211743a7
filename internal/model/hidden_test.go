package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestHidden: no way of printing shows the text.
func TestHidden(t *testing.T) {
	h := Hidden("planted")
	holder := struct {
		H Hidden
		M map[string]Hidden
	}{h, map[string]Hidden{"k": h}}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "h", h, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "h", h, "holder", holder)
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		log.String(), string(text), fmt.Sprint(h), fmt.Sprintf("%v %+v %#v %s %q", h, holder, holder, h, h),
	} {
		if strings.Contains(shown, "planted") || strings.Contains(shown, "112 108") {
			t.Errorf("it is shown in %s", shown)
		}
	}
	other, _ := json.Marshal(Hidden("planted2"))
	same, _ := json.Marshal(Hidden("planted"))
	if mine, _ := json.Marshal(h); bytes.Equal(mine, other) || !bytes.Equal(mine, same) {
		t.Error("as JSON it does not tell texts apart")
	}
}

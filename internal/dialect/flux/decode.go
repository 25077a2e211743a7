package flux

import (
	"encoding/json"
	"fmt"
)

// decode reads what came as JSON into a typed value. Fields that the type
// doesn't have are left out: fieldWarnings tells of them.
func decode(raw map[string]any, into any) error {
	data, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("reading the object: %w: correct the field", err)
	}
	return nil
}

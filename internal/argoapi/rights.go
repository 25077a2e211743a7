package argoapi

import "strings"

// canI says "yes" or "no" to a right, in RBAC's own words. Whether there is such an
// object does not matter.
func canI(c *call) (any, error) {
	action := c.r.PathValue("action")
	can, err := c.desk.Can(c.r.Context(), c.r.PathValue("resource"), action, strings.TrimSuffix(c.r.PathValue("subresource"), "/"))
	if err != nil {
		return nil, err
	}
	if can {
		return map[string]string{"value": "yes"}, nil
	}
	return map[string]string{"value": "no"}, nil
}

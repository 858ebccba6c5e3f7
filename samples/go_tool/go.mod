module go_tool

go 1.23

require tessera.io/tessera v0.1.0

replace tessera.io/tessera => ../../bindings/go

module tessera.io/tessera

go 1.23

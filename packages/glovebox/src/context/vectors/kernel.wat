(module
  (memory (export "memory") 1)
  ;; Parts `size` signed bytes from `bytes` on into their upper and lower four bits, which have half as many bytes each; `size` is a multiple of 32. A byte b is 16 x upper + lower - 128, both 0 to 15.
  ;; Of 32 bytes, four lie in each 16-bit lane: of lane i those of the bytes i, 8 + i, 16 + i and 24 + i, lowest first.
  (func (export "halve") (param $bytes i32) (param $size i32) (param $upper i32) (param $lower i32)
    (local $end i32) (local $first v128) (local $second v128) (local $sign v128) (local $high v128) (local $low v128) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $sign (v128.const i32x4 0x80808080 0x80808080 0x80808080 0x80808080))
    (local.set $high (v128.const i32x4 0x00f000f0 0x00f000f0 0x00f000f0 0x00f000f0))
    (local.set $low (v128.const i32x4 0x000f000f 0x000f000f 0x000f000f 0x000f000f))
    (local.set $end (i32.add (local.get $bytes) (local.get $size)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $bytes) (local.get $end)))
        (local.set $first (v128.xor (v128.load (local.get $bytes)) (local.get $sign)))
        (local.set $second (v128.xor (v128.load offset=16 (local.get $bytes)) (local.get $sign)))
        (local.set $a (i16x8.extend_low_i8x16_u (local.get $first)))
        (local.set $b (i16x8.extend_high_i8x16_u (local.get $first)))
        (local.set $c (i16x8.extend_low_i8x16_u (local.get $second)))
        (local.set $d (i16x8.extend_high_i8x16_u (local.get $second)))
        (v128.store (local.get $upper)
          (v128.or
            (v128.or (i16x8.shr_u (local.get $a) (i32.const 4)) (v128.and (local.get $b) (local.get $high)))
            (v128.or
              (i16x8.shl (v128.and (local.get $c) (local.get $high)) (i32.const 4))
              (i16x8.shl (v128.and (local.get $d) (local.get $high)) (i32.const 8)))))
        (v128.store (local.get $lower)
          (v128.or
            (v128.or
              (v128.and (local.get $a) (local.get $low))
              (i16x8.shl (v128.and (local.get $b) (local.get $low)) (i32.const 4)))
            (v128.or
              (i16x8.shl (v128.and (local.get $c) (local.get $low)) (i32.const 8))
              (i16x8.shl (v128.and (local.get $d) (local.get $low)) (i32.const 12)))))
        (local.set $bytes (i32.add (local.get $bytes) (i32.const 32)))
        (local.set $upper (i32.add (local.get $upper) (i32.const 16)))
        (local.set $lower (i32.add (local.get $lower) (i32.const 16)))
        (br $next))))
  ;; The products of a query with `count` rows of such halves, a multiple of 4, as one i32 each to `out`. `rows`: where each begins, as u32; each has `size` bytes, a multiple of 16. `query`: i16
  ;; entries, two for each of these bytes. Four rows at a time: the query's entries are loaded once for them, and where the rows lie anywhere in memory, all four are waited for together.
  (func (export "products") (param $rows i32) (param $count i32) (param $size i32) (param $query i32) (param $out i32)
    (local $end i32) (local $entry i32) (local $stop i32) (local $row0 i32) (local $row1 i32) (local $row2 i32) (local $row3 i32)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128) (local $halves v128) (local $low v128)
    (local $entries0 v128) (local $entries1 v128) (local $entries2 v128) (local $entries3 v128)
    (local.set $low (v128.const i32x4 0x000f000f 0x000f000f 0x000f000f 0x000f000f))
    (local.set $end (i32.add (local.get $rows) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $stop (i32.add (local.get $query) (i32.shl (local.get $size) (i32.const 2))))
    (block $done
      (loop $next_rows
        (br_if $done (i32.ge_u (local.get $rows) (local.get $end)))
        (local.set $row0 (i32.load (local.get $rows)))
        (local.set $sum0 (v128.const i32x4 0 0 0 0))
        (local.set $row1 (i32.load offset=4 (local.get $rows)))
        (local.set $sum1 (v128.const i32x4 0 0 0 0))
        (local.set $row2 (i32.load offset=8 (local.get $rows)))
        (local.set $sum2 (v128.const i32x4 0 0 0 0))
        (local.set $row3 (i32.load offset=12 (local.get $rows)))
        (local.set $sum3 (v128.const i32x4 0 0 0 0))
        (local.set $entry (local.get $query))
        (loop $next
          (local.set $entries0 (v128.load (local.get $entry)))
          (local.set $entries1 (v128.load offset=16 (local.get $entry)))
          (local.set $entries2 (v128.load offset=32 (local.get $entry)))
          (local.set $entries3 (v128.load offset=48 (local.get $entry)))
          (local.set $halves (v128.load (local.get $row0)))
          (local.set $sum0
            (i32x4.add (local.get $sum0)
              (i32x4.add
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (local.get $halves) (local.get $low)) (local.get $entries0))
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 4)) (local.get $low)) (local.get $entries1)))
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 8)) (local.get $low)) (local.get $entries2))
                  (i32x4.dot_i16x8_s (i16x8.shr_u (local.get $halves) (i32.const 12)) (local.get $entries3))))))
          (local.set $row0 (i32.add (local.get $row0) (i32.const 16)))
          (local.set $halves (v128.load (local.get $row1)))
          (local.set $sum1
            (i32x4.add (local.get $sum1)
              (i32x4.add
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (local.get $halves) (local.get $low)) (local.get $entries0))
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 4)) (local.get $low)) (local.get $entries1)))
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 8)) (local.get $low)) (local.get $entries2))
                  (i32x4.dot_i16x8_s (i16x8.shr_u (local.get $halves) (i32.const 12)) (local.get $entries3))))))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
          (local.set $halves (v128.load (local.get $row2)))
          (local.set $sum2
            (i32x4.add (local.get $sum2)
              (i32x4.add
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (local.get $halves) (local.get $low)) (local.get $entries0))
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 4)) (local.get $low)) (local.get $entries1)))
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 8)) (local.get $low)) (local.get $entries2))
                  (i32x4.dot_i16x8_s (i16x8.shr_u (local.get $halves) (i32.const 12)) (local.get $entries3))))))
          (local.set $row2 (i32.add (local.get $row2) (i32.const 16)))
          (local.set $halves (v128.load (local.get $row3)))
          (local.set $sum3
            (i32x4.add (local.get $sum3)
              (i32x4.add
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (local.get $halves) (local.get $low)) (local.get $entries0))
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 4)) (local.get $low)) (local.get $entries1)))
                (i32x4.add
                  (i32x4.dot_i16x8_s (v128.and (i16x8.shr_u (local.get $halves) (i32.const 8)) (local.get $low)) (local.get $entries2))
                  (i32x4.dot_i16x8_s (i16x8.shr_u (local.get $halves) (i32.const 12)) (local.get $entries3))))))
          (local.set $row3 (i32.add (local.get $row3) (i32.const 16)))
          (local.set $entry (i32.add (local.get $entry) (i32.const 64)))
          (br_if $next (i32.lt_u (local.get $entry) (local.get $stop))))
        (i32.store (local.get $out)
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $sum0)) (i32x4.extract_lane 1 (local.get $sum0)))
            (i32.add (i32x4.extract_lane 2 (local.get $sum0)) (i32x4.extract_lane 3 (local.get $sum0)))))
        (i32.store offset=4 (local.get $out)
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $sum1)) (i32x4.extract_lane 1 (local.get $sum1)))
            (i32.add (i32x4.extract_lane 2 (local.get $sum1)) (i32x4.extract_lane 3 (local.get $sum1)))))
        (i32.store offset=8 (local.get $out)
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $sum2)) (i32x4.extract_lane 1 (local.get $sum2)))
            (i32.add (i32x4.extract_lane 2 (local.get $sum2)) (i32x4.extract_lane 3 (local.get $sum2)))))
        (i32.store offset=12 (local.get $out)
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $sum3)) (i32x4.extract_lane 1 (local.get $sum3)))
            (i32.add (i32x4.extract_lane 2 (local.get $sum3)) (i32x4.extract_lane 3 (local.get $sum3)))))
        (local.set $out (i32.add (local.get $out) (i32.const 16)))
        (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
        (br $next_rows)))))

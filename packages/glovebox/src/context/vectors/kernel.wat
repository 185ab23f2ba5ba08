(module
  (memory (export "memory") 1)
  ;; Compares a query with sketches. For each of `count` sketches of `words` 64-bit words, from `codes` on: the sum of the query's four-bit
  ;; entries where the sketch has a bit set, as one u32 to `out`. `planes`: for each word, the query's bits worth 1, 2, 4 and 8 in turn.
  (func (export "score") (param $codes i32) (param $count i32) (param $words i32) (param $planes i32) (param $out i32)
    (local $end i32) (local $stride i32) (local $plane i32) (local $stop i32) (local $word i64)
    (local $ones i64) (local $twos i64) (local $fours i64) (local $eights i64)
    (local.set $stride (i32.shl (local.get $words) (i32.const 3)))
    (local.set $end (i32.add (local.get $codes) (i32.mul (local.get $count) (local.get $stride))))
    (block $done
      (loop $sketch
        (br_if $done (i32.ge_u (local.get $codes) (local.get $end)))
        (local.set $stop (i32.add (local.get $codes) (local.get $stride)))
        (local.set $plane (local.get $planes))
        (local.set $ones (i64.const 0))
        (local.set $twos (i64.const 0))
        (local.set $fours (i64.const 0))
        (local.set $eights (i64.const 0))
        (loop $next
          (local.set $word (i64.load (local.get $codes)))
          (local.set $ones (i64.add (local.get $ones) (i64.popcnt (i64.and (local.get $word) (i64.load (local.get $plane))))))
          (local.set $twos (i64.add (local.get $twos) (i64.popcnt (i64.and (local.get $word) (i64.load offset=8 (local.get $plane))))))
          (local.set $fours (i64.add (local.get $fours) (i64.popcnt (i64.and (local.get $word) (i64.load offset=16 (local.get $plane))))))
          (local.set $eights (i64.add (local.get $eights) (i64.popcnt (i64.and (local.get $word) (i64.load offset=24 (local.get $plane))))))
          (local.set $plane (i32.add (local.get $plane) (i32.const 32)))
          (local.set $codes (i32.add (local.get $codes) (i32.const 8)))
          (br_if $next (i32.lt_u (local.get $codes) (local.get $stop))))
        (i32.store (local.get $out)
          (i32.wrap_i64
            (i64.add
              (i64.add (local.get $ones) (i64.shl (local.get $twos) (i64.const 1)))
              (i64.add (i64.shl (local.get $fours) (i64.const 2)) (i64.shl (local.get $eights) (i64.const 3))))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $sketch))))
  ;; The exact products of a query with `count` rows of bytes, as one i32 each to `out`. `rows`: where each begins, as u32. `query`: i16 entries,
  ;; `size` of them, a multiple of 16.
  (func (export "products") (param $rows i32) (param $count i32) (param $size i32) (param $query i32) (param $out i32)
    (local $end i32) (local $row i32) (local $stop i32) (local $entry i32) (local $sum v128) (local $bytes v128)
    (local.set $end (i32.add (local.get $rows) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next_row
        (br_if $done (i32.ge_u (local.get $rows) (local.get $end)))
        (local.set $row (i32.load (local.get $rows)))
        (local.set $stop (i32.add (local.get $row) (local.get $size)))
        (local.set $entry (local.get $query))
        (local.set $sum (v128.const i32x4 0 0 0 0))
        (loop $next
          (local.set $bytes (v128.load (local.get $row)))
          (local.set $sum
            (i32x4.add (local.get $sum)
              (i32x4.add
                (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (v128.load (local.get $entry)))
                (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (v128.load offset=16 (local.get $entry))))))
          (local.set $entry (i32.add (local.get $entry) (i32.const 32)))
          (local.set $row (i32.add (local.get $row) (i32.const 16)))
          (br_if $next (i32.lt_u (local.get $row) (local.get $stop))))
        (i32.store (local.get $out)
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
            (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $rows (i32.add (local.get $rows) (i32.const 4)))
        (br $next_row)))))

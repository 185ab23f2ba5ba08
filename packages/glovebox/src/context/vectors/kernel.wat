(module
  (memory (export "memory") 1)
  ;; Estimates the cosines of a query with `count` sketches, as one f32 each to `out`, and counts them by class (see sketch-index.ts). `sketches`: where each begins, as u32: factor, step (f32),
  ;; bits that are set (u32), then `words` 64-bit words. The query: entry = low + step x its four bits, and their sum; `planes` has, for each word, its bits worth 1, 2, 4 and 8 in turn.
  (func (export "estimate") (param $sketches i32) (param $count i32) (param $words i32) (param $planes i32) (param $low f64) (param $step f64) (param $sum f64) (param $out i32) (param $classes i32)
    (local $end i32) (local $bytes i32) (local $sketch i32) (local $code i32) (local $plane i32) (local $stop i32) (local $class i32) (local $word i64)
    (local $ones i64) (local $twos i64) (local $fours i64) (local $eights i64) (local $estimate f32)
    (local.set $bytes (i32.shl (local.get $words) (i32.const 3)))
    (local.set $end (i32.add (local.get $sketches) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $next_sketch
        (br_if $done (i32.ge_u (local.get $sketches) (local.get $end)))
        (local.set $sketch (i32.load (local.get $sketches)))
        (local.set $code (i32.add (local.get $sketch) (i32.const 12)))
        (local.set $stop (i32.add (local.get $code) (local.get $bytes)))
        (local.set $plane (local.get $planes))
        (local.set $ones (i64.const 0))
        (local.set $twos (i64.const 0))
        (local.set $fours (i64.const 0))
        (local.set $eights (i64.const 0))
        (loop $next
          (local.set $word (i64.load (local.get $code)))
          (local.set $ones (i64.add (local.get $ones) (i64.popcnt (i64.and (local.get $word) (i64.load (local.get $plane))))))
          (local.set $twos (i64.add (local.get $twos) (i64.popcnt (i64.and (local.get $word) (i64.load offset=8 (local.get $plane))))))
          (local.set $fours (i64.add (local.get $fours) (i64.popcnt (i64.and (local.get $word) (i64.load offset=16 (local.get $plane))))))
          (local.set $eights (i64.add (local.get $eights) (i64.popcnt (i64.and (local.get $word) (i64.load offset=24 (local.get $plane))))))
          (local.set $plane (i32.add (local.get $plane) (i32.const 32)))
          (local.set $code (i32.add (local.get $code) (i32.const 8)))
          (br_if $next (i32.lt_u (local.get $code) (local.get $stop))))
        ;; factor x (2 x (low x bits that are set + step x the query's bits there) - sum)
        (local.set $estimate
          (f32.demote_f64
            (f64.mul
              (f64.promote_f32 (f32.load (local.get $sketch)))
              (f64.sub
                (f64.mul
                  (f64.const 2)
                  (f64.add
                    (f64.mul (local.get $low) (f64.convert_i32_u (i32.load offset=8 (local.get $sketch))))
                    (f64.mul
                      (local.get $step)
                      (f64.convert_i64_u
                        (i64.add
                          (i64.add (local.get $ones) (i64.shl (local.get $twos) (i64.const 1)))
                          (i64.add (i64.shl (local.get $fours) (i64.const 2)) (i64.shl (local.get $eights) (i64.const 3))))))))
                (local.get $sum)))))
        (f32.store (local.get $out) (local.get $estimate))
        ;; From -1 to 1 in 4,096 classes; the outermost have what lies beyond.
        (local.set $class (i32.trunc_sat_f32_s (f32.mul (f32.add (local.get $estimate) (f32.const 1)) (f32.const 2048))))
        (local.set $class (select (i32.const 0) (local.get $class) (i32.lt_s (local.get $class) (i32.const 0))))
        (local.set $class (select (i32.const 4095) (local.get $class) (i32.gt_s (local.get $class) (i32.const 4095))))
        (local.set $class (i32.add (local.get $classes) (i32.shl (local.get $class) (i32.const 2))))
        (i32.store (local.get $class) (i32.add (i32.load (local.get $class)) (i32.const 1)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $sketches (i32.add (local.get $sketches) (i32.const 4)))
        (br $next_sketch))))
  ;; The exact products of a query with `count` rows of bytes, a multiple of 4, as one i32 each to `out`. `rows`: where each begins, as u32. `query`: i16 entries, `size` of them, a multiple
  ;; of 16. Four rows at a time: they lie anywhere in memory, and while one is waited for the others are on their way.
  (func (export "products") (param $rows i32) (param $count i32) (param $size i32) (param $query i32) (param $out i32)
    (local $end i32) (local $entry i32) (local $stop i32) (local $row0 i32) (local $row1 i32) (local $row2 i32) (local $row3 i32)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128) (local $bytes v128) (local $low v128) (local $high v128)
    (local.set $end (i32.add (local.get $rows) (i32.shl (local.get $count) (i32.const 2))))
    (local.set $stop (i32.add (local.get $query) (i32.shl (local.get $size) (i32.const 1))))
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
          (local.set $low (v128.load (local.get $entry)))
          (local.set $high (v128.load offset=16 (local.get $entry)))
          (local.set $bytes (v128.load (local.get $row0)))
          (local.set $sum0
            (i32x4.add (local.get $sum0)
              (i32x4.add
                (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
                (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))
          (local.set $row0 (i32.add (local.get $row0) (i32.const 16)))
          (local.set $bytes (v128.load (local.get $row1)))
          (local.set $sum1
            (i32x4.add (local.get $sum1)
              (i32x4.add
                (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
                (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))
          (local.set $row1 (i32.add (local.get $row1) (i32.const 16)))
          (local.set $bytes (v128.load (local.get $row2)))
          (local.set $sum2
            (i32x4.add (local.get $sum2)
              (i32x4.add
                (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
                (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))
          (local.set $row2 (i32.add (local.get $row2) (i32.const 16)))
          (local.set $bytes (v128.load (local.get $row3)))
          (local.set $sum3
            (i32x4.add (local.get $sum3)
              (i32x4.add
                (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
                (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))
          (local.set $row3 (i32.add (local.get $row3) (i32.const 16)))
          (local.set $entry (i32.add (local.get $entry) (i32.const 32)))
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

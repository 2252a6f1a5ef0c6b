-- All of them pasted at once: a name comes once, is not there yet, and is the one that the queue asks for.
with

seed_rows as (

    select
        person_entitled,
        {{ normalised_name('person_entitled') }} as normalised_name
    from {{ ref('person_entitled_adjusted') }}

),

pasted as (

    select
        person_entitled,
        {{ normalised_name('person_entitled') }} as normalised_name,
        seed_line
    from {{ ref('review_queue') }}
    where seed_line is not null

),

after_pasting as (

    select
        person_entitled,
        normalised_name
    from seed_rows

    union all

    select
        person_entitled,
        normalised_name
    from pasted

),

spelled_twice as (

    select person_entitled
    from after_pasting
    group by person_entitled
    having count(*) > 1

),

not_to_be_pasted as (

    select pasted.person_entitled
    from pasted
    left join seed_rows
        on pasted.normalised_name = seed_rows.normalised_name
    left join {{ ref('review_queue') }} as queue
        on
            pasted.normalised_name = queue.normalised_name
            and pasted.person_entitled = queue.person_entitled
            and queue.candidate_rank = 1
    where
        seed_rows.normalised_name is not null
        or queue.normalised_name is null
        or {{ regexp_matches('pasted.seed_line', '\\p{Cc}') }}

),

without_a_line as (

    select queue.person_entitled
    from {{ ref('review_queue') }} as queue
    left join seed_rows
        on queue.normalised_name = seed_rows.normalised_name
    where queue.candidate_rank = 1 and queue.seed_line is null and seed_rows.normalised_name is null

)

select
    person_entitled,
    'spelled twice' as what_is_wrong
from spelled_twice
union all
select
    person_entitled,
    'not to be pasted' as what_is_wrong
from not_to_be_pasted
union all
select
    person_entitled,
    'without a line' as what_is_wrong
from without_a_line

-- One spelling certain and another possible or no: the most certain counts, but which one did the reviewer mean?
{{ config(severity='warn') }}

with

person_entitled_adjusted as (

    select
        person_entitled,
        certainty,
        {{ normalised_name('person_entitled') }} as normalised_name
    from {{ ref('person_entitled_adjusted') }}

)

select
    normalised_name,
    min(person_entitled) as one_spelling,
    max(person_entitled) as another_spelling,
    min(certainty) as one_certainty,
    max(certainty) as another_certainty
from person_entitled_adjusted
group by normalised_name
having min(certainty) <> max(certainty)
